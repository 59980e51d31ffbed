// The History window without a mouse, and with numbers hidden: every control is reached and seen to be reached, the arrow
// keys read the plots, Escape closes; and what is hidden is nowhere in the page.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();

const spoken = (page: Page) => page.locator("p[aria-live=polite]").textContent();

/** What stands in the page, and in its attributes. */
const everything = (page: Page) =>
  page.evaluate(() => {
    const attributes = [...document.body.querySelectorAll("*")].flatMap((each) =>
      [...each.attributes].filter(({ name }) => name !== "style").map(({ value }) => value),
    );
    return [document.body.textContent, ...attributes].join("\n");
  });

/** The choice of another program's person. */
const hide = (page: Page, hides: string) =>
  page.evaluate((detail) => dispatchEvent(new CustomEvent("hides", { detail })), hides);

test("Tab reaches every button and every plot, and each is seen to have the focus", async () => {
  const page = await stage.openHistory("profiles=3", { still: true });
  await page.locator(".uplot canvas").first().waitFor();
  const expected = await page.locator("button:enabled:visible, .frame").count();
  expect(expected).toBeGreaterThan(12);
  const visited = new Set<string>();
  const unseen: string[] = [];
  for (let step = 0; step < expected; step++) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement) || element === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return {
        name: element.getAttribute("aria-label") ?? element.textContent ?? "",
        ring: outlineStyle !== "none" && outlineWidth !== "0px",
      };
    });
    if (here === null) continue;
    visited.add(here.name);
    if (!here.ring) unseen.push(here.name);
  }
  expect(visited.size, [...visited].join(", ")).toBe(expected);
  expect(unseen).toEqual([]);
});

test("the arrow keys read a plot aloud, from its newest reading to its first", async () => {
  const page = await stage.openHistory("profiles=3&days=7", { still: true });
  const plot = page.locator(".frame").first();
  await plot.locator("canvas").waitFor();
  await plot.focus();
  await page.keyboard.press("ArrowLeft");
  const newest = (await spoken(page)) ?? "";
  expect(newest).toMatch(/work (\d+ %|no reading), personal (\d+ %|no reading), side (\d+ %|no reading)/);
  await page.keyboard.press("ArrowRight");
  expect(await spoken(page), "there is nothing after it").toBe(newest);
  await page.keyboard.press("ArrowLeft");
  const earlier = await spoken(page);
  expect(earlier).not.toBe(newest);
  await page.keyboard.press("Home");
  const first = await spoken(page);
  expect(first).not.toBe(earlier);
  await page.keyboard.press("ArrowLeft");
  expect(await spoken(page), "there is nothing before it").toBe(first);
});

test("the table is scrolled by the arrow keys", async () => {
  const page = await stage.openHistory("profiles=3", { still: true });
  await page.locator('[data-action="table"]').click();
  const region = page.getByRole("region", { name: "Table" });
  await region.focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => (document.activeElement?.scrollTop ?? 0) > 0);
});

test("a chip takes a profile out and in again by a key, and keeps the focus", async () => {
  const page = await stage.openHistory("profiles=3", { still: true });
  const chip = page.locator('.chip[data-alias="personal"]');
  await chip.focus();
  await page.keyboard.press("Space");
  expect(await chip.getAttribute("aria-pressed")).toBe("false");
  const label = await page.locator(".frame").first().getAttribute("aria-label");
  expect(label).not.toContain("personal");
  await page.keyboard.press("Enter");
  expect(await chip.getAttribute("aria-pressed")).toBe("true");
  expect(await chip.evaluate((each) => each === document.activeElement)).toBe(true);
});

test.each(["Escape", "Control+w"])("%s closes the window", async (key) => {
  const page = await stage.openHistory("profiles=1");
  await page.keyboard.press(key);
  expect(await page.title()).toBe("closed");
});

test("a window that opens while numbers are hidden shows none, and lets none be saved", async () => {
  const page = await stage.openHistory("profiles=3&hides=always");
  await page.getByText("Numbers are hidden").first().waitFor();
  expect(await everything(page)).not.toMatch(/\d\s?%/);
  expect(await page.locator("canvas, table, .chip").count()).toBe(0);
  for (const action of ["csv", "png"])
    expect(await page.locator(`[data-action="${action}"]`).isDisabled(), action).toBe(true);
});

test.each(["plots", "table"])(
  "in the %s numbers go the moment they are to be hidden, and come back",
  async (mode) => {
    const page = await stage.openHistory("profiles=3", { still: true });
    await page.locator(`[data-action="${mode}"]`).click();
    if (mode === "plots") {
      await page.locator(".frame").first().focus();
      await page.keyboard.press("ArrowLeft");
    }
    expect(await everything(page), "what is looked for is there").toMatch(/\d\s?%/);
    // Looked at before the lines can have been read anew.
    await hide(page, "always");
    await page.getByText("Numbers are hidden").first().waitFor();
    expect(await everything(page)).not.toMatch(/\d\s?%/);
    expect(await page.locator("canvas, table, .chip").count()).toBe(0);
    await page.waitForTimeout(400);
    expect(await everything(page), "when it was read anew").not.toMatch(/\d\s?%/);

    await hide(page, "never");
    await page
      .locator(mode === "plots" ? ".uplot canvas" : "table")
      .first()
      .waitFor();
    expect(await page.locator('.chip[aria-pressed="true"]').count()).toBe(3);
  },
);

test("whoever hid numbers before the window opened finds the profiles chosen when they are shown", async () => {
  const page = await stage.openHistory("profiles=3&hides=always", { still: true });
  await hide(page, "whileShared");
  await page.locator(".uplot canvas").first().waitFor();
  expect(await page.locator('.chip[aria-pressed="true"]').count()).toBe(3);
});
