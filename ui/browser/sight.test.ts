// A long list whose readings change: the cards in sight follow at once, and the others before anybody sees them, or soon.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();
/** Another board for everybody, so often. */
const BEAT_MS = 400;
/** Within it a card out of sight has its turn once at most: four of more than thirty have theirs in a second. */
const WATCHED_MS = 5_000;

/** How often the text of the first and of the last card became another. */
async function changes(page: Page): Promise<{ first: number; last: number }> {
  return page.evaluate(async (watched) => {
    const cards = [...document.querySelectorAll(".card")];
    const texts = () => [cards.at(0)?.textContent, cards.at(-1)?.textContent];
    const counts = { first: 0, last: 0 };
    let before = texts();
    for (const end = performance.now() + watched; performance.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const now = texts();
      if (now[0] !== before[0]) counts.first++;
      if (now[1] !== before[1]) counts.last++;
      before = now;
    }
    return counts;
  }, WATCHED_MS);
}

test("a card out of sight waits for its turn, which comes", async () => {
  const page = await stage.open(`scene=fifty&delay=0&beat=${BEAT_MS}`, { still: true });
  await page.waitForTimeout(500);
  const { first, last } = await changes(page);
  expect(first).toBeGreaterThan(3);
  expect(last).toBeLessThan(2);
  const lastCard = page.locator(".card").last();
  const before = await lastCard.textContent();
  await expect.poll(() => lastCard.textContent(), { timeout: 20_000 }).not.toBe(before);
});

test("a card that comes into sight follows from there on", async () => {
  const page = await stage.open(`scene=fifty&delay=0&beat=${BEAT_MS}`, { still: true });
  await page.waitForTimeout(500);
  await page.keyboard.press("End");
  await page.waitForTimeout(500);
  const { first, last } = await changes(page);
  expect(last).toBeGreaterThan(3);
  expect(first).toBeLessThan(2);
});
