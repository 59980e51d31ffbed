// How much the board's window has to load before it shows anything. Owns the budget; says the figure whenever it is held.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, inject, test } from "vitest";

const BUDGET_KB = 60;
const PAGE = "index.html";

const dist = inject("dist");
const parts = new Map(inject("parts").map((part) => [part.file, part]));
const read = (file: string) => readFileSync(join(dist, file));

/** Every script and style sheet that the board's page names, and what those cannot start without. */
function loadedAtStart(): string[] {
  const named = [
    ...read(PAGE)
      .toString()
      .matchAll(/(?:src|href)="\.?\/([^"]+\.(?:js|css))"/g),
  ];
  const files = new Set(named.map((match) => match[1] ?? ""));
  // A set grows while it is walked, so what the needed ones need is met as well.
  for (const file of files) for (const need of parts.get(file)?.needs ?? []) files.add(need);
  return [...files];
}

test("the board loads no more than its budget", () => {
  const files = loadedAtStart();
  expect(files.some((file) => file.endsWith(".js")) && files.some((file) => file.endsWith(".css"))).toBe(
    true,
  );
  const kb = files.reduce((sum, file) => sum + gzipSync(read(file)).length, 0) / 1_000;
  console.log(`The board loads ${kb.toFixed(1)} kB (gzip) of scripts and styles; ${BUDGET_KB} are allowed.`);
  expect(kb).toBeLessThanOrEqual(BUDGET_KB);
});

test("the board loads neither the plots nor the scenes", () => {
  const sources = loadedAtStart().flatMap((file) => parts.get(file)?.sources ?? []);
  expect(sources.filter((source) => /src\/components\/Board\.svelte/.test(source))).not.toEqual([]);
  expect(sources.filter((source) => /uplot|\/fake\//i.test(source))).toEqual([]);
});
