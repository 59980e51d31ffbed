// A long list whose readings change: the cards in sight follow at once, and the others before anybody sees them, or soon.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();
const LAST = ".card:last-of-type";
const FIRST = ".card:first-of-type";

const text = (page: Page, card: string) => page.locator(card).first().textContent();

/** Follows the text of two cards until both are others, and returns which was the first to be. */
async function firstToChange(page: Page): Promise<"first" | "last"> {
  const before = [await text(page, FIRST), await text(page, LAST)];
  for (;;) {
    const now = [await text(page, FIRST), await text(page, LAST)];
    if (now[0] !== before[0]) return "first";
    if (now[1] !== before[1]) return "last";
    await page.waitForTimeout(20);
  }
}

test("a card out of sight waits for its turn, which comes", async () => {
  const page = await stage.open("scene=fifty&delay=0&beat=400", { still: true });
  await page.waitForTimeout(500);
  expect(await firstToChange(page)).toBe("first");
  const before = await text(page, LAST);
  await expect.poll(() => text(page, LAST), { timeout: 20_000 }).not.toBe(before);
});

test("a card that comes into sight is up to date", async () => {
  const page = await stage.open("scene=fifty&delay=0&beat=400", { still: true });
  await page.waitForTimeout(500);
  await page.keyboard.press("End");
  await page.waitForTimeout(500);
  const before = await text(page, LAST);
  await expect.poll(() => text(page, LAST), { timeout: 1_500 }).not.toBe(before);
});
