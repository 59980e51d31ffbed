// The sheet of the first run: nothing but its two buttons ends it, all of it can be reached and read, its links go nowhere by
// themselves, and it breaks no rule of WCAG. Its pictures are taken along.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { fit, picture, rest, Stage, themes, violations, type Look } from "./stage";

const stage = new Stage();
const TEXT = resolve(import.meta.dirname, "../../docs/terms.md");

const open = (look: Look = {}, query = "scene=normal&delay=0") => stage.open(`${query}#terms`, look);
const press = (page: Page, action: string) => page.locator(`[data-action="${action}"]`).click();

test.each(themes)("the sheet breaks no rule of WCAG, closed or with the whole text, %s", async (theme) => {
  const page = await open({ theme, still: true });
  const shot = (name: string) => picture(page, join(inject("pictures"), `terms-${name}-${theme}@2x.png`), 2);
  await shot("short");
  expect(await violations(page)).toEqual([]);
  await press(page, "whole");
  await rest(page);
  await fit(page);
  await shot("whole");
  expect(await violations(page)).toEqual([]);
});

test.each(themes)("on the glass of macOS it breaks none either, %s", async (theme) => {
  const page = await open({ theme, still: true }, "scene=normal&platform=macos");
  expect(await violations(page)).toEqual([]);
});

test("before the person agreed nothing of the board is there, and no key ends the sheet", async () => {
  const page = await open({ still: true });
  for (const key of ["Escape", "Enter", "F5", "Control+r", "Control+q", "Control+y"])
    await page.keyboard.press(key);
  await page.mouse.click(5, 5);
  expect(await page.locator("[data-terms]").count()).toBe(1);
  expect(await page.locator(".card[data-alias]").count()).toBe(0);
  expect(await page.title()).toBe("Signalbox");
});

test("agreeing shows the board, which is not asked for the sheet again", async () => {
  const page = await open({ still: true });
  await press(page, "agree");
  await page.locator('.card[data-alias="work"]').waitFor();
  expect(await page.locator("[data-terms]").count()).toBe(0);
  expect(new URL(page.url()).hash).toBe("");
  await page.keyboard.press("Escape");
  expect(await page.title()).toBe("closed");
});

test("what could not be written down is said, and the sheet stays", async () => {
  const page = await open({ still: true }, "scene=normal&delay=0&fail=1");
  await press(page, "agree");
  await page.locator('[role="alert"]').waitFor();
  expect(await page.locator('[role="alert"]').textContent()).toContain("the disk is full");
  expect(await page.locator('[data-action="agree"]').isEnabled()).toBe(true);
  expect(await violations(page)).toEqual([]);
});

test("Quit quits", async () => {
  const page = await open({ still: true });
  await press(page, "quit");
  expect(await page.title()).toBe("quit");
});

test("the whole text is docs/terms.md, and each link in it is handed to the app by a click or by Enter", async () => {
  const page = await open({ still: true });
  await press(page, "whole");
  await rest(page);
  const text = page.locator(".text");
  const links = [...readFileSync(TEXT, "utf8").matchAll(/\]\((https:[^)]+)\)/g)].map((match) => match[1]);
  expect(links.length).toBeGreaterThan(2);
  const drawn = text.locator("[data-page]");
  expect(await drawn.evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset["page"]))).toEqual(
    links,
  );
  expect(await text.locator("[href]").count(), "a link that the window could follow").toBe(0);
  expect(await text.innerText()).not.toMatch(/\*\*|\]\(|^#|^> /m);
  const own = page.url();
  await drawn.first().click();
  expect(await page.title()).toBe(links[0]);
  await drawn.nth(1).focus();
  await page.keyboard.press("Enter");
  expect(await page.title()).toBe(links[1]);
  expect(page.url()).toBe(own);
});

test("Tab reaches everything that can be pressed, in order, and shows that it did", async () => {
  const page = await open({ still: true });
  const visited: (string | null)[] = [];
  for (let step = 0; step < 5; step++) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      return getComputedStyle(element).outlineStyle === "none" ? null : element.dataset["action"];
    });
    visited.push(here ?? null);
  }
  expect(visited).toEqual(["whole", "legal", "online", "quit", "agree"]);
});
