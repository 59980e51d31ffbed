// What holds for the History window in one theme: every state of it breaks no rule of WCAG 2.2 AA, and there is a picture of
// each. Called by one file for each theme, so that two themes are looked at side by side.
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { picture, Stage, violations, type Theme } from "./stage";

interface State {
  readonly query: string;
  /** What has to be seen, so that no state is looked at that is another one. */
  readonly shows: string;
  /** What is done before it is looked at. */
  readonly act?: (page: Page) => Promise<unknown>;
}

const press = (action: string) => (page: Page) => page.locator(`[data-action="${action}"]`).click();
const table = press("table");

const STATES: Readonly<Record<string, State>> = {
  one: { query: "profiles=1", shows: ".uplot canvas" },
  three: { query: "profiles=3", shows: ".uplot canvas" },
  ten: { query: "profiles=10", shows: ".uplot canvas" },
  "one-table": { query: "profiles=1", shows: "table", act: table },
  "ten-table": { query: "profiles=10", shows: "table", act: table },
  "ten-all": {
    query: "profiles=10",
    shows: '.chip[data-alias^="a-client"][aria-pressed=true]',
    act: async (page) => {
      const out = page.locator(".chip[aria-pressed=false]");
      while ((await out.count()) > 0) await out.first().click();
    },
  },
  "none-chosen": { query: "profiles=1", shows: ".empty h2", act: (page) => page.locator(".chip").click() },
  read: {
    query: "profiles=3",
    shows: ".tip .value",
    act: async (page) => {
      await page.locator(".frame").first().focus();
      await page.keyboard.press("ArrowLeft");
    },
  },
  saved: { query: "profiles=3", shows: ".outcome .clip", act: press("csv") },
  empty: { query: "empty=1", shows: ".empty h2" },
  "no-profiles": { query: "profiles=0", shows: ".empty h2" },
  error: { query: "fail=1", shows: "[role=alert] button" },
  hidden: { query: "profiles=3&hides=always", shows: ".empty h2" },
};

export function everyHistory(theme: Theme): void {
  const stage = new Stage();

  test.each(Object.keys(STATES))(`the History window "%s" breaks no rule of WCAG, ${theme}`, async (name) => {
    const state = STATES[name] as State;
    const page = await stage.openHistory(state.query, { theme, still: true });
    await state.act?.(page);
    await page.locator(state.shows).first().waitFor();
    await picture(page, join(inject("pictures"), `history-${name}-${theme}@1x.png`), 1);
    expect(await violations(page)).toEqual([]);
  });

  test(`with more contrast the History window breaks no rule of WCAG, ${theme}`, async () => {
    const page = await stage.openHistory("profiles=10", { theme, strong: true });
    expect(await violations(page)).toEqual([]);
    await table(page);
    expect(await violations(page)).toEqual([]);
  });
}
