// What all browser checks share: the page, built as the app embeds it and served on loopback with the app's own policy,
// and one Chromium. Owns their beginning and their end; what is looked at stands in the tests.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { build, preview, type Rolldown } from "vite";
import type { TestProject } from "vitest/node";

/** A file of the built page. */
export interface Part {
  readonly file: string;
  /** The files that are fetched together with it, because it cannot start without them. */
  readonly needs: readonly string[];
  /** The sources in it. */
  readonly sources: readonly string[];
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the built page is served, without a slash at its end. */
    page: string;
    /** Where Chromium listens for the tests. */
    browser: string;
    /** The folder with the built page. */
    dist: string;
    /** What the page was built into. */
    parts: Part[];
    /** Where pictures go. */
    pictures: string;
  }
}

const UI = resolve(import.meta.dirname, "..");
const TARGET = resolve(UI, "../target/browser");
const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const ON_A_MAC = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export default async function desk(project: TestProject): Promise<() => Promise<void>> {
  const executable = findChromium();
  mkdirSync(TARGET, { recursive: true });
  // A folder of its own, so that two runs at once do not serve each other half a page.
  const outDir = mkdtempSync(join(TARGET, "page-"));
  const built = await shipped(() =>
    build({ root: UI, logLevel: "warn", build: { outDir, emptyOutDir: true } }),
  );
  const server = await preview({
    root: UI,
    logLevel: "warn",
    build: { outDir },
    preview: { host: "127.0.0.1", port: 0, headers: { "Content-Security-Policy": policy() } },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("Cannot serve the page: no port");
  const browser = await startChromium(executable);
  project.provide("page", `http://127.0.0.1:${address.port}`);
  project.provide("browser", browser.wsEndpoint());
  project.provide("dist", outDir);
  project.provide("parts", partsOf(built as Rolldown.RolldownOutput));
  project.provide("pictures", join(TARGET, "pictures"));
  return async () => {
    await browser.close();
    await server.close();
    rmSync(outDir, { recursive: true, force: true });
  };
}

/** A build follows NODE_ENV, and under "test" it would hold the development half of Svelte, which the app never sees. */
async function shipped<T>(make: () => Promise<T>): Promise<T> {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  return make().finally(() => (process.env["NODE_ENV"] = before));
}

async function startChromium(executablePath: string) {
  // Chromium refuses to sandbox itself when root runs it, as in a container; for everybody else the sandbox stays.
  const chromiumSandbox = process.getuid?.() !== 0;
  try {
    return await chromium.launchServer({
      executablePath,
      chromiumSandbox,
      headless: true,
      host: "127.0.0.1",
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot check the page in a browser: ${executablePath} does not start: ${why}\n` +
        `hint: try \`${executablePath} --headless --dump-dom about:blank\`, or name another one in CHROMIUM`,
      { cause: error },
    );
  }
}

function findChromium(): string {
  const named = process.env["CHROMIUM"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const inPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = named ?? [...inPath, ...ON_A_MAC].find((path) => existsSync(path));
  if (found !== undefined && existsSync(found)) return found;
  throw new Error(
    `Cannot check the page in a browser: ${named ?? "Chromium"} is not there\n` +
      "hint: `scripts/install-debian-packages browser` installs it on Debian; elsewhere name one in CHROMIUM",
  );
}

/** What the app's window allows its page, so that a page which asks for more fails here already. */
function policy(): string {
  const path = resolve(UI, "../src-tauri/tauri.conf.json");
  const { app } = JSON.parse(readFileSync(path, "utf8")) as { app: { security: { csp: string } } };
  return app.security.csp;
}

function partsOf(built: Rolldown.RolldownOutput): Part[] {
  return built.output.flatMap((each) => {
    if (each.type !== "chunk") return [];
    const css = [...(each.viteMetadata?.importedCss ?? [])];
    return [{ file: each.fileName, needs: [...each.imports, ...css], sources: each.moduleIds }];
  });
}
