// What holds for the Rotate wizard in one theme: every step and every error of it breaks no rule of WCAG 2.2 AA, nothing runs out
// of the window, and there is a picture of each. Called by one file for each theme.
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { sceneNames } from "../src/rotate/fake";
import { picture, Stage, violations, type Theme } from "./stage";

/** Which page a scene shows where that is not its name's. */
const SHOWS: Readonly<Partial<Record<(typeof sceneNames)[number], string>>> = {
  due: "plan",
  new: "plan",
  live: "plan",
  classic: "plan",
  missing: "plan",
  nothing: "plan",
  refused: "plan",
  own: "browser",
  "browser-new": "browser",
  late: "browser",
  trouble: "browser",
  silent: "failed",
  offline: "checking",
  "confirm-new": "confirm",
  "confirm-live": "confirm",
  unkept: "confirm",
  queue: "confirm",
  owner: "wrong",
  "owner-new": "wrong",
};

const press = (page: Page, action: string) => page.locator(`[data-action="${action}"]:enabled`).click();
const shows = (page: Page, kind: string) => page.locator(`[data-page="${kind}"]`).waitFor();

interface Walk {
  readonly query: string;
  readonly act: (page: Page) => Promise<unknown>;
}

/** What is reached by pressing something. */
const WALKS: Readonly<Record<string, Walk>> = {
  done: {
    query: "scene=confirm",
    act: async (page) => {
      await press(page, "keep");
      await shows(page, "done");
    },
  },
  "done-and-switched": {
    query: "scene=confirm",
    act: async (page) => {
      await press(page, "keep");
      await press(page, "switch");
      await page.getByText("It is live now").waitFor();
    },
  },
  "done-next": {
    query: "scene=queue",
    act: async (page) => {
      await press(page, "keep");
      await page.locator('[data-action="next"]').waitFor();
    },
  },
  "ask-cancel": {
    query: "scene=browser",
    act: async (page) => {
      await press(page, "cancel");
      await page.getByRole("alertdialog").waitFor();
    },
  },
  cancelled: {
    query: "scene=terminal",
    act: async (page) => {
      await press(page, "cancel");
      await press(page, "cancel-sign-in");
      await shows(page, "over");
    },
  },
  code: { query: "scene=browser", act: (page) => page.locator("summary").click() },
  naming: {
    query: "scene=wrong",
    act: async (page) => {
      await press(page, "keep-as-new");
      await page.locator("input[type=text]").fill("work");
      await page.getByRole("alert").waitFor();
    },
  },
  "refused-to-begin": {
    query: "scene=refused",
    act: async (page) => {
      await press(page, "begin");
      await page.getByRole("alert").waitFor();
    },
  },
  "refused-to-keep": {
    query: "scene=unkept",
    act: async (page) => {
      await press(page, "keep");
      await page.getByRole("alert").waitFor();
    },
  },
};

/** What sticks out of the window at its right, or is wider than its own box shows. */
const sticksOut = (page: Page) =>
  page.evaluate(() =>
    [...document.body.querySelectorAll("*")]
      .filter(
        (each) => each.getBoundingClientRect().right > innerWidth + 0.5 && each.closest(".unseen") === null,
      )
      .map((each) => each.outerHTML.slice(0, 80)),
  );

export function everyRotation(theme: Theme): void {
  const stage = new Stage();

  test.each(sceneNames)(`the wizard's scene "%s" breaks no rule of WCAG, ${theme}`, async (name) => {
    const page = await stage.openRotate(`scene=${name}&delay=30`, { theme, still: true });
    await shows(page, SHOWS[name] ?? name);
    await page.locator(name === "offline" ? "[role=alert]" : "h1").waitFor();
    await picture(page, join(inject("pictures"), `rotate-${name}-${theme}@1x.png`), 1);
    expect(await violations(page)).toEqual([]);
    expect(await sticksOut(page)).toEqual([]);
  });

  test.each(Object.keys(WALKS))(`the wizard at "%s" breaks no rule of WCAG, ${theme}`, async (name) => {
    const walk = WALKS[name] as Walk;
    const page = await stage.openRotate(`${walk.query}&delay=30`, { theme, still: true });
    await walk.act(page);
    await picture(page, join(inject("pictures"), `rotate-${name}-${theme}@1x.png`), 1);
    expect(await violations(page)).toEqual([]);
    expect(await sticksOut(page)).toEqual([]);
  });

  test.each(["plan", "due", "browser", "terminal", "confirm", "wrong"])(
    `long names and addresses stay inside the window at "%s", ${theme}`,
    async (name) => {
      const page = await stage.openRotate(`scene=${name}&long=1&delay=30`, { theme, still: true });
      await shows(page, SHOWS[name as keyof typeof SHOWS] ?? name);
      await picture(page, join(inject("pictures"), `rotate-${name}-long-${theme}@1x.png`), 1);
      expect(await sticksOut(page)).toEqual([]);
      expect(await violations(page)).toEqual([]);
    },
  );

  test(`with more contrast the wizard breaks no rule of WCAG, ${theme}`, async () => {
    const page = await stage.openRotate("scene=browser&delay=30", { theme, strong: true });
    expect(await violations(page)).toEqual([]);
  });
}
