// How the board is drawn: every choice of its menu takes effect and is ticked, and what is hidden is nowhere in the page.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { sceneNames } from "../src/fake/scenes";
import { Stage } from "./stage";

const stage = new Stage();
const HIDE = "Control+Shift+H";

/** Every text and every attribute that names an address, money, or a percentage other than none at all. */
async function leaks(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const telling =
      /[^\s@"]+@[^\s@"]+|[$€£]\s?\d|(?<![\d.,])(?!0+\s?%)\d+(?:[.,]\d+)?\s?%|\d\s?(?:USD|EUR|CHF)/;
    const all = [...document.body.querySelectorAll("*")];
    const texts = all.flatMap((element) =>
      [...element.childNodes]
        .filter((node) => node.nodeType === Node.TEXT_NODE)
        .map((node) => (node as Text).data),
    );
    const attributes = all.flatMap((element) =>
      [...element.attributes].map((each) => `${each.name}=${each.value}`),
    );
    return [document.title, ...texts, ...attributes].filter((each) => telling.test(each));
  });
}

test("what is looked for is there while nothing is hidden", async () => {
  const page = await stage.open("scene=spend", { still: true });
  const found = (await leaks(page)).join("\n");
  for (const part of ["m.keller@", "82", "$5.41"]) expect(found).toContain(part);
});

test.each(sceneNames)('in the scene "%s" nothing that is hidden is in the page', async (scene) => {
  const page = await stage.open(`scene=${scene}&delay=0`, { still: true });
  if (!scene.startsWith("masked")) await page.keyboard.press(HIDE);
  await page.waitForTimeout(100);
  expect(await leaks(page)).toEqual([]);
});

test("what opens while things are hidden hides them too", async () => {
  const page = await stage.open("scene=masked&delay=0", { still: true });
  for (const action of ["activity", "back", "more", "rename"]) {
    await page.locator(`[data-action="${action}"]`).first().click();
    await page.waitForTimeout(100);
    expect(await leaks(page), `after ${action}`).toEqual([]);
  }
});

test("every choice of the view menu is ticked when it is chosen, and once more takes it back", async () => {
  const page = await stage.open("scene=normal&delay=0", { still: true });
  await page.keyboard.press("Control+j");
  const rows = page.locator('[role="menuitemcheckbox"]');
  await rows.first().waitFor();
  const names = await rows.evaluateAll((all) => all.map((each) => each.getAttribute("data-action") ?? ""));
  expect(names.length).toBeGreaterThan(3);
  await page.keyboard.press("Escape");
  const ticked = (name: string) => page.locator(`[data-action="${name}"]`).getAttribute("aria-checked");
  for (const name of names) {
    await page.keyboard.press("Control+j");
    const before = await ticked(name);
    await page.locator(`[data-action="${name}"]`).click();
    await page.keyboard.press("Control+j");
    expect(await ticked(name), name).not.toBe(before);
    await page.locator(`[data-action="${name}"]`).click();
    await page.keyboard.press("Control+j");
    expect(await ticked(name), name).toBe(before);
    await page.keyboard.press("Escape");
  }
});
