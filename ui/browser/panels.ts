// What opens by a click, in one theme: every button that says it opens something is pressed, every row of every menu
// is chosen, and what stands there then breaks no rule of WCAG. Finds the buttons by their ARIA attributes, so that a new
// one is met without being named here.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { rest, Stage, violations, type Theme } from "./stage";

const OPENERS = "button[aria-expanded]:enabled, button[aria-haspopup]:enabled, [data-action=activity]";
/** Between them these have every kind of card, strip and button. */
const SCENES = ["normal", "none", "unregistered", "errors", "loginneeded"];

export function everyPanel(theme: Theme): void {
  const stage = new Stage();

  test.each(SCENES)(
    `whatever opens in the scene "%s" breaks no rule of WCAG, ${theme}`,
    async (scene) => {
      const page = await stage.open(`scene=${scene}`, { theme, still: true });
      const openers = await page.locator(OPENERS).evaluateAll(actions);
      expect(openers.length + Number(scene === "none")).toBeGreaterThan(0);
      const found: string[] = [];
      for (const opener of openers) {
        await reopen(page);
        found.push(...(await pressed(page, opener)));
        const rows = await page.locator('[role^="menuitem"]:enabled').evaluateAll(actions);
        for (const row of rows) {
          await reopen(page);
          await pressed(page, opener, false);
          found.push(...(await pressed(page, row)));
        }
      }
      expect(found).toEqual([]);
    },
    60_000,
  );
}

/** The distinct actions of some buttons. */
function actions(buttons: Element[]): string[] {
  const named = buttons.map((button) => button.getAttribute("data-action") ?? "");
  return [...new Set(named)].filter((name) => name !== "");
}

async function reopen(page: Page): Promise<void> {
  await page.reload();
  await page.locator("body[data-ready=yes]").waitFor();
}

/** Presses the first button of `action`, and says what is wrong with the page then. */
async function pressed(page: Page, action: string, look = true): Promise<string[]> {
  await page.locator(`[data-action="${action}"]`).first().click();
  await rest(page);
  return look ? (await violations(page)).map((each) => `after ${action}: ${each}`) : [];
}
