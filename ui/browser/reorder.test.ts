// The order of the cards: by hand, with the keys, with the menu, and left alone where the board is sorted.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();

const order = (page: Page) =>
  page.locator(".card").evaluateAll((cards) => cards.map((each) => each.getAttribute("data-alias") ?? ""));
const swapped = (all: string[], at: number) => [
  ...all.slice(0, at),
  all[at + 1],
  all[at],
  ...all.slice(at + 2),
];

/** Waits until the backend has answered, and a little longer: an answer may not put the cards back. */
async function settled(page: Page): Promise<void> {
  await page.waitForTimeout(400);
}

async function carry(page: Page, from: string, onto: string): Promise<void> {
  const middle = async (alias: string) => {
    const box = await page.locator(`.card[data-alias="${alias}"]`).boundingBox();
    if (box === null) throw new Error(`${alias} has no card`);
    return { top: box.y, bottom: box.y + box.height };
  };
  // At the lower edge, where there is nothing to press.
  const start = await middle(from);
  const x = 200;
  await page.mouse.move(x, start.bottom - 4);
  await page.mouse.down();
  await page.mouse.move(x, start.bottom + 6, { steps: 3 });
  const end = await middle(onto);
  await page.mouse.move(x, end.bottom - 4, { steps: 8 });
}

test("with Alt the arrow keys move the card, which keeps the focus, and stop at both ends", async () => {
  const page = await stage.open("scene=normal&delay=100", { still: true });
  const all = await order(page);
  await page.keyboard.press("Home");
  await page.keyboard.press("Alt+ArrowUp");
  expect(await order(page)).toEqual(all);
  await page.keyboard.press("Alt+ArrowDown");
  await settled(page);
  expect(await order(page)).toEqual(swapped(all, 0));
  expect(await page.evaluate(() => document.activeElement?.getAttribute("data-alias"))).toBe(all[0]);
  await page.keyboard.press("Alt+End");
  await settled(page);
  expect(await order(page)).toEqual([...all.slice(1), all[0]]);
});

test("a long list has all its cards a moment after it opened, and End goes to the last one", async () => {
  const page = await stage.open("scene=fifty&delay=100", { still: true });
  const all = await order(page);
  expect(new Set(all).size).toBe(50);
  await page.keyboard.press("End");
  const last = page.locator(".card:focus");
  expect(await last.getAttribute("data-alias")).toBe(all.at(-1));
  const box = await last.boundingBox();
  expect((box?.y ?? Infinity) + (box?.height ?? 0)).toBeLessThanOrEqual(page.viewportSize()?.height ?? 0);
});

test("a card is carried with the pointer to where it is let go", async () => {
  const page = await stage.open("scene=normal&delay=100", { still: true });
  const all = await order(page);
  await carry(page, all[0] ?? "", all[2] ?? "");
  expect(await page.locator(".card[data-carried]").count()).toBe(1);
  await page.mouse.up();
  await settled(page);
  expect(await order(page)).toEqual([all[1], all[2], all[0], ...all.slice(3)]);
  expect(await page.locator(".card[data-carried]").count()).toBe(0);
});

test("Escape puts a carried card back, and does not close the board", async () => {
  const page = await stage.open("scene=normal&delay=100", { still: true });
  const all = await order(page);
  await carry(page, all[0] ?? "", all[2] ?? "");
  await page.keyboard.press("Escape");
  await page.mouse.up();
  await settled(page);
  expect(await order(page)).toEqual(all);
  expect(await page.title()).not.toBe("closed");
});

test("the menu of a card moves it for those who cannot drag", async () => {
  const page = await stage.open("scene=normal&delay=100", { still: true });
  const all = await order(page);
  await page.locator(`.card[data-alias="${all[1]}"] [data-action="more"]`).click();
  await page.locator('[data-action="move-down"]').click();
  await settled(page);
  expect(await order(page)).toEqual(swapped(all, 1));
});

test("a board that is sorted by headroom is not sorted by hand", async () => {
  const page = await stage.open("scene=headroom&delay=100", { still: true });
  const all = await order(page);
  await carry(page, all[0] ?? "", all[1] ?? "");
  expect(await page.locator(".card[data-carried]").count()).toBe(0);
  await page.mouse.up();
  await page.keyboard.press("Home");
  await page.keyboard.press("Alt+ArrowDown");
  await settled(page);
  expect(await order(page)).toEqual(all);
});
