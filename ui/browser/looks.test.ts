// The looks that no theme has to itself: the glass of macOS, more contrast, and the dark tokens that are written twice.
import { expect, test } from "vitest";
import { Stage, themes, violations } from "./stage";

const stage = new Stage();

test.each(themes)("with the glass of macOS the board breaks no rule of WCAG, %s", async (theme) => {
  const page = await stage.open("scene=normal&platform=macos", { theme });
  expect(await violations(page)).toEqual([]);
});

test.each(themes)("with more contrast the board breaks no rule of WCAG, %s", async (theme) => {
  const page = await stage.open("scene=errors", { theme, strong: true });
  expect(await violations(page)).toEqual([]);
});

test.each(themes)(
  "the tokens of the %s theme are the same, whether the system or the address chose it",
  async (theme) => {
    const tokens = async (query: string, system: (typeof themes)[number]) => {
      const page = await stage.open(query, { theme: system });
      return page.evaluate(() => {
        const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
        const names = new Set(rules.flatMap((rule) => rule.cssText.match(/--[a-z0-9-]+(?=:)/g) ?? []));
        const style = getComputedStyle(document.documentElement);
        return [...names].sort().map((name) => `${name}: ${style.getPropertyValue(name)}`);
      });
    };
    const chosen = await tokens(`scene=none&theme=${theme}`, theme === "dark" ? "light" : "dark");
    expect(chosen.length).toBeGreaterThan(20);
    expect(chosen).toEqual(await tokens("scene=none", theme));
  },
);
