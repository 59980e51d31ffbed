// What holds for every scene of the board, in one theme: accessible by WCAG 2.2 AA, silent, alone; and a picture of each
// at 1× and 2×. Called by one file for each theme, so that two themes are looked at side by side.
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { sceneNames } from "../src/fake/scenes";
import { picture, Stage, violations, type Theme } from "./stage";

/** Of a PNG: where its width stands, in four bytes. */
const PNG_WIDTH_AT = 16;

export function everyScene(theme: Theme): void {
  const stage = new Stage();

  test("there are scenes to look at", () => {
    expect(sceneNames.length).toBeGreaterThan(15);
  });

  test.each(sceneNames)(`the scene "%s" breaks no rule of WCAG, ${theme}`, async (scene) => {
    const page = await stage.open(`scene=${scene}`, { theme });
    const width = page.viewportSize()?.width ?? 0;
    for (const scale of [1, 2]) {
      const bytes = await picture(page, join(inject("pictures"), `${scene}-${theme}@${scale}x.png`), scale);
      expect(bytes.readUInt32BE(PNG_WIDTH_AT)).toBe(width * scale);
    }
    expect(await violations(page)).toEqual([]);
  });
}
