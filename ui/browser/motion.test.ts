// Motion: there is some, and there is none for a person who asked for less.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { Stage } from "./stage";

declare global {
  interface Window {
    /** What moved in any frame since the watch began. */
    moved?: Set<string>;
  }
}

const stage = new Stage();

/** Notes in every frame what is moving. */
async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const moved = (window.moved = new Set<string>());
    const look = () => {
      for (const each of document.getAnimations()) {
        const { duration } = each.effect?.getComputedTiming() ?? {};
        const target = (each.effect as KeyframeEffect | null)?.target;
        if (duration !== 0) moved.add(`${target?.nodeName} ${target?.className}`);
      }
      requestAnimationFrame(look);
    };
    look();
  });
}

/** A switch that takes a second, long enough to be seen on a busy machine, a refresh, and a panel that opens and closes. */
async function liveliest(page: Page): Promise<string[]> {
  await watch(page);
  await page.locator('[data-action="add"]').click();
  await page.waitForTimeout(250);
  await page.locator('[data-action="add"]').click();
  await page.locator('[data-action="switch"]').first().click();
  await page.locator('.card[data-state="switching"]').waitFor();
  await page.locator('.card[data-state="switching"]').waitFor({ state: "detached" });
  await page.locator('[data-action="refresh"]').click();
  await page.waitForTimeout(250);
  return page.evaluate(() => [...(window.moved ?? [])]);
}

test("a board that may move does", async () => {
  const page = await stage.open("scene=normal&delay=1000");
  expect(await liveliest(page)).not.toEqual([]);
});

test("nothing moves for a person who asked for less motion", async () => {
  const page = await stage.open("scene=normal&delay=1000", { still: true });
  expect(await liveliest(page)).toEqual([]);
});
