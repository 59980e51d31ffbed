// Recent activity: which day a line stands under, what stands beside it, and how its sentence begins.
import { expect, test } from "vitest";
import { byDay, byWords, dayName, sentence, timeWords } from "../src/activity";
import { timeOfDay } from "../src/format";
import type { Line } from "../src/generated/Line";

const at = (day: number, hour: number, minute = 0) => new Date(2026, 2, day, hour, minute).getTime();
const NOON = at(12, 12);
const line = (moment: number, text = "added work"): Line => ({ at: moment, by: "app", text, trouble: false });

test.each([
  [at(12, 0), "Today"],
  [at(12, 23, 59), "Today"],
  [at(11, 23, 59), "Yesterday"],
  [at(11, 0), "Yesterday"],
  [at(10, 23, 59), "Tuesday 10 March"],
  [new Date(2025, 11, 31, 9).getTime(), "Wednesday 31 December 2025"],
])("the moment %i stands under %s", (moment, name) => {
  expect(dayName(moment, NOON)).toBe(name);
});

test("lines stand under their days in the order in which they come, the newest first", () => {
  const days = byDay([line(at(12, 11)), line(at(12, 9)), line(at(11, 9)), line(at(8, 9))], NOON);
  expect(days.map((day) => [day.name, day.lines.length])).toEqual([
    ["Today", 2],
    ["Yesterday", 1],
    ["Sunday 8 March", 1],
  ]);
  expect(byDay([], NOON)).toEqual([]);
});

test("a line of the last hour says its age, an older one and one from the future the time of day", () => {
  expect(timeWords(NOON - 20_000, NOON)).toBe("now");
  expect(timeWords(NOON - 4 * 60_000, NOON)).toBe("4 min ago");
  expect(timeWords(at(12, 9, 5), NOON)).toBe(timeOfDay(at(12, 9, 5)));
  expect(timeWords(at(12, 13), NOON)).toBe(timeOfDay(at(12, 13)));
});

test("a program is called what people call it, and an unknown one by its own name", () => {
  expect(["app", "cli", "watch", "other"].map(byWords)).toEqual([
    "app",
    "command line",
    "signalbox watch",
    "other",
  ]);
});

test.each([
  ["switched from work to personal", "Switched from work to personal"],
  ["work has to be signed in again", "work has to be signed in again"],
  ["work’s login", "work’s login"],
  ["ada@example.org is live, which is no profile yet", "ada@example.org is live, which is no profile yet"],
])("the sentence %j begins as %j: a name keeps its own letter", (text, shown) => {
  expect(sentence(text, ["work"])).toBe(shown);
});
