// How the board window is built. Owns the browser floor and the shape of `dist/`; the shell embeds that folder as it is.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  build: {
    // WKWebView of macOS 13, the oldest system that Signalbox supports. WebKitGTK 2.50 is newer than that.
    target: "safari16",
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "history.html"] },
  },
  server: { host: "127.0.0.1" },
  preview: { host: "127.0.0.1" },
  // Style sheets are read as they are, not as empty modules: a test looks at every file.
  test: { include: ["test/**/*.test.ts"], css: true },
});
