// How the checks in a real browser run: `npm run browser`. Apart from the unit tests, because they need Chromium and a
// built page, which `desk.ts` sees to once for all files.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["browser/**/*.test.ts"],
    globalSetup: ["browser/desk.ts"],
    // Two pages at once, as many as the smallest machine has cores; all in one browser.
    pool: "threads",
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
