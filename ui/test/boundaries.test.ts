// Walls inside the page that no type can hold up: who may know Tauri, how long a file may get, and that it says what it is.
import { expect, test } from "vitest";

const files: Record<string, string> = import.meta.glob(
  ["../src/**/*.ts", "../src/**/*.svelte", "../src/**/*.css", "!../src/generated/**"],
  { query: "?raw", import: "default", eager: true },
);

/** A stand-in may be made of parts of another one. */
const isStandIn = (path: string) => path.startsWith("../src/fake/") || path === "../src/rotate/fake.ts";

const breaking = (rule: (text: string, path: string) => boolean) =>
  Object.entries(files).flatMap(([path, text]) => (rule(text, path) ? [path] : []));

test("the files of the page are there to be looked at", () => {
  expect(Object.keys(files).length).toBeGreaterThan(20);
});

test("only the windows' backend.ts import @tauri-apps/api", () => {
  expect(breaking((text) => /from "@tauri-apps\//.test(text))).toEqual([
    "../src/backend.ts",
    "../src/history/backend.ts",
    "../src/rotate/backend.ts",
  ]);
});

test("nothing but main.ts loads the stand-in for the app, and that only when it is needed", () => {
  expect(breaking((text, path) => !isStandIn(path) && /from "[^"]*fake\//.test(text))).toEqual([]);
  expect(breaking((text) => text.includes('import("./fake/backend")'))).toEqual(["../src/main.ts"]);
});

test("no file is longer than 400 lines", () => {
  expect(breaking((text) => text.split("\n").length > 400)).toEqual([]);
});

test("every file begins by saying what it owns", () => {
  expect(breaking((text) => !/^(\/\/ |<!-- |\/\* )/.test(text))).toEqual([]);
});

test("nothing is typed as any", () => {
  expect(breaking((text) => /(:|\bas|<) ?any\b/.test(text.replace(/<!--[\s\S]*?-->|\/\/.*/g, "")))).toEqual(
    [],
  );
});
