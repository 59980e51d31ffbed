// The board without a mouse: every card and every button can be reached, seen to be reached, and used; Escape leads back.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();

const focusedCard = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute("data-alias"));
const focusedAction = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute("data-action"));
const card = (page: Page, alias: string) => page.locator(`.card[data-alias="${alias}"]`);
const aliases = (page: Page) =>
  page.locator(".card").evaluateAll((cards) => cards.map((each) => each.getAttribute("data-alias")));

test("the arrow keys walk over the cards and stop at both ends", async () => {
  const page = await stage.open("scene=ten");
  const all = await aliases(page);
  const walked = [];
  for (let step = 0; step <= all.length; step++) {
    await page.keyboard.press("ArrowDown");
    walked.push(await focusedCard(page));
  }
  expect(walked).toEqual([...all, all.at(-1)]);
  await page.keyboard.press("ArrowUp");
  expect(await focusedCard(page)).toBe(all.at(-2));
  await page.keyboard.press("Home");
  expect(await focusedCard(page)).toBe(all[0]);
  await page.keyboard.press("ArrowUp");
  expect(await focusedCard(page)).toBe(all[0]);
  await page.keyboard.press("End");
  expect(await focusedCard(page)).toBe(all.at(-1));
});

test("the card with the focus is in view, however long the list", async () => {
  const page = await stage.open("scene=ten");
  for (const key of ["End", "Home"]) {
    await page.keyboard.press(key);
    const cut = await page.evaluate(() => {
      const list = document.querySelector(".list")?.getBoundingClientRect();
      const card = document.activeElement?.getBoundingClientRect();
      return list === undefined || card === undefined || card.top < list.top || card.bottom > list.bottom;
    });
    expect(cut, `after ${key}`).toBe(false);
  }
});

test("Enter on a card presses its button, and the card keeps the focus", async () => {
  const page = await stage.open("scene=normal&delay=300");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const alias = (await focusedCard(page)) ?? "";
  expect(await card(page, alias).getAttribute("data-state")).toBe("parked");
  await page.keyboard.press("Enter");
  await page.locator(`.card[data-alias="${alias}"][data-state="switching"]`).waitFor();
  await page.locator(`.card[data-alias="${alias}"][data-state="active"]`).waitFor();
  expect(await focusedCard(page)).toBe(alias);
});

test("Enter on a card whose login has ended leads to the sign-in of that profile", async () => {
  const page = await stage.open("scene=loginneeded", { still: true });
  await page.keyboard.press("End");
  const alias = (await focusedCard(page)) ?? "";
  await page.keyboard.press("Enter");
  await expect.poll(() => page.title()).toBe(`sign in: ${alias}`);
});

test("a sign-in that is under way is gone on with from the board", async () => {
  const page = await stage.open("scene=signingin", { still: true });
  await page.locator('[data-action="continue-sign-in"]').focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => page.title()).toBe("sign in: old-lab");
});

test("Escape closes what is open first, and the board after it", async () => {
  const page = await stage.open("scene=normal", { still: true });
  await page.locator('[data-action="add"]').focus();
  await page.keyboard.press("Enter");
  expect(await page.locator('[data-action="add"]').getAttribute("aria-expanded")).toBe("true");
  await page.keyboard.press("Escape");
  expect(await page.locator('[data-action="add"]').getAttribute("aria-expanded")).toBe("false");
  expect(await focusedAction(page)).toBe("add");
  expect(await page.title()).not.toBe("closed");
  await page.keyboard.press("Escape");
  expect(await page.title()).toBe("closed");
});

test("the menu of a card opens by a key, turns in a circle, and gives the focus back", async () => {
  const page = await stage.open("scene=normal", { still: true });
  await card(page, "personal").locator('[data-action="more"]').focus();
  await page.keyboard.press("Enter");
  const menu = page.locator('[role="menu"]');
  await menu.waitFor();
  const items = await menu.locator('[role^="menuitem"]').count();
  expect(items).toBeGreaterThan(1);
  const seen = new Set<string | null | undefined>();
  const first = await focusedAction(page);
  for (let step = 0; step < items; step++) {
    seen.add(await focusedAction(page));
    await page.keyboard.press("ArrowDown");
  }
  expect(seen.size).toBe(items);
  expect(await focusedAction(page)).toBe(first);
  await page.keyboard.press("ArrowUp");
  expect(await focusedAction(page)).not.toBe(first);
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "detached" });
  expect(
    await page.evaluate(() => document.activeElement?.closest(".card")?.getAttribute("data-alias")),
  ).toBe("personal");
  expect(await page.title()).not.toBe("closed");
});

test("Tab reaches every button, and each one that has the focus is seen to have it", async () => {
  const page = await stage.open("scene=normal", { still: true });
  const expected = await page.locator("button:enabled:visible:not([tabindex='-1'])").count();
  const visited: string[] = [];
  const unseen: string[] = [];
  for (let step = 0; step < expected + 5; step++) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLButtonElement)) return null;
      const of = element.closest(".card")?.getAttribute("data-alias") ?? "";
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return {
        name: `${of} ${element.dataset["action"] ?? element.textContent}`,
        ring: outlineStyle !== "none" && outlineWidth !== "0px",
      };
    });
    if (here === null) continue;
    if (!visited.includes(here.name)) visited.push(here.name);
    if (!here.ring) unseen.push(here.name);
  }
  expect(visited.length, visited.join(", ")).toBe(expected);
  expect(unseen).toEqual([]);
});

test("F5 and Ctrl+R read anew instead of blanking the window", async () => {
  const page = await stage.open("scene=normal&delay=300");
  for (const key of ["F5", "Control+r"]) {
    await page.evaluate(() => (document.body.dataset["here"] = "still"));
    await page.keyboard.press(key);
    await page.locator('[data-action="refresh"][aria-disabled="true"]').waitFor();
    await page.locator('[data-action="refresh"][aria-disabled="false"]').waitFor();
    expect(await page.locator("body").getAttribute("data-here")).toBe("still");
  }
});
