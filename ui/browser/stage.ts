// One scene of a fake backend in Chromium, on the board or in the History window: opening it, reading it, and holding every page to what always has to be true
// of it: no complaint in the console, and no request that leaves. Leaves what a scene ought to show to the tests.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import axe from "axe-core";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

export const themes = ["light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** How a page is looked at. */
export interface Look {
  readonly theme?: Theme;
  /** Asks for less motion. */
  readonly still?: boolean;
  /** Asks for more contrast. */
  readonly strong?: boolean;
}

/** As wide as the app makes the board. */
const WIDTH = 380;
const HEIGHT_MAX = 640;
/** As large as the app makes the History window. */
const HISTORY = { width: 760, height: 580 };
/** As large as the app makes the Rotate wizard. */
const ROTATE = { width: 480, height: 560 };
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export class Stage {
  #browser: Browser | undefined;
  #contexts: BrowserContext[] = [];
  #faults: string[] = [];

  /** Connects to the browser before the tests of the calling file, and ends what they opened. */
  constructor() {
    beforeAll(async () => {
      this.#browser = await chromium.connect(inject("browser"));
    });
    afterEach(async () => {
      const faults = this.#faults;
      await this.leave();
      expect(faults, "what the page complained about, or asked of somebody else").toEqual([]);
    });
    afterAll(() => this.#browser?.close());
  }

  /** Opens the board with `query` (see `src/fake/backend.ts`), as high as it wants to be. */
  async open(query: string, look: Look = {}): Promise<Page> {
    const page = await this.bare(look);
    await page.goto(`${inject("page")}/?${query}`);
    await page.locator("body[data-ready=yes]").waitFor();
    await fit(page);
    return page;
  }

  /** Opens the History window with `query` (see `src/history/fake.ts`), and waits until it has something to show. */
  async openHistory(query: string, look: Look = {}): Promise<Page> {
    const page = await this.bare(look);
    await page.setViewportSize(HISTORY);
    await page.goto(`${inject("page")}/history.html?${query}`);
    await page.locator("main[aria-busy=false]").waitFor();
    await frames(page);
    return page;
  }

  /** Opens the Rotate wizard with `query` (see `src/rotate/fake.ts`), and waits until it has something to show. */
  async openRotate(query: string, look: Look = {}): Promise<Page> {
    const page = await this.bare(look);
    await page.setViewportSize(ROTATE);
    await page.goto(`${inject("page")}/rotate.html?${query}`);
    await page.locator("main[data-ready=yes]").waitFor();
    await frames(page);
    return page;
  }

  /** A page that nothing was loaded into yet. */
  async bare({ theme = "light", still = false, strong = false }: Look = {}): Promise<Page> {
    if (this.#browser === undefined) throw new Error("Cannot open a page: the tests have not begun");
    const context = await this.#browser.newContext({
      viewport: { width: WIDTH, height: HEIGHT_MAX },
      colorScheme: theme,
      reducedMotion: still ? "reduce" : "no-preference",
      contrast: strong ? "more" : "no-preference",
    });
    // A browser asks for this by itself; the app's window does not.
    await context.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
    this.#contexts.push(context);
    const page = await context.newPage();
    this.#listen(page);
    return page;
  }

  /** Closes all pages. */
  async leave(): Promise<void> {
    const contexts = this.#contexts;
    this.#contexts = [];
    this.#faults = [];
    await Promise.all(contexts.map((context) => context.close()));
  }

  #listen(page: Page): void {
    const own = `${inject("page")}/`;
    const faults = this.#faults;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`not caught: ${error.message}`));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(own) && !url.startsWith("data:") && !url.startsWith("blob:")) {
        faults.push(`asked for ${url}`);
      }
    });
    page.on("response", (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`);
    });
  }
}

/** Makes the window as high as the page has asked for, as the app does. */
export async function fit(page: Page): Promise<void> {
  const asked = page.locator("html[data-height]");
  await asked.waitFor();
  const height = Number(await asked.getAttribute("data-height"));
  await page.setViewportSize({ width: WIDTH, height: Math.min(HEIGHT_MAX, height) });
  await frames(page);
}

/** Takes a picture of the page with `scale` device pixels for each CSS pixel. */
export async function picture(page: Page, path: string, scale: number): Promise<Buffer> {
  const size = page.viewportSize() ?? { width: WIDTH, height: HEIGHT_MAX };
  const session = await page.context().newCDPSession(page);
  const metrics = { ...size, deviceScaleFactor: scale, mobile: false };
  await session.send("Emulation.setDeviceMetricsOverride", metrics);
  await frames(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "png" });
  await session.detach();
  const bytes = Buffer.from(data, "base64");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return bytes;
}

/** Waits until two more frames were drawn. */
export async function frames(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null)))),
  );
}

/** Waits until nothing moves that will ever come to rest. */
export async function rest(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    document.getAnimations().every((each) => each.effect?.getComputedTiming().endTime === Infinity),
  );
  await frames(page);
}

/** What breaks WCAG 2.2 A or AA on the page as it stands, one sentence for each element. */
export async function violations(page: Page): Promise<string[]> {
  const there = await page.evaluate(() => "axe" in window);
  if (!there) await page.evaluate(axe.source);
  const found = await page.evaluate(async (tags) => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    return axe.run({ runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
  }, WCAG);
  return found.violations.flatMap((each) =>
    each.nodes.map((node) => `${each.id}: ${node.target.join(" ")}: ${node.failureSummary ?? each.help}`),
  );
}
