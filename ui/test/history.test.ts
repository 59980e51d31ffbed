// What of the past is drawn: aligned lines, gaps, what the cursor says, and the rows of the table.
import { expect, test } from "vitest";
import type { Plots } from "../src/generated/Plots";
import {
  aligned,
  ceiling,
  charts,
  firstChoice,
  looks,
  rows,
  step,
  stops,
  valueAt,
  type Chart,
  type Line,
} from "../src/history/lines";

const HOUR = 3_600_000;
const NOON = new Date(2026, 10, 22, 12, 0).getTime();

const line = (alias: string, points: Line["points"], resets: number[] = []): Line => ({
  id: `card-${alias}`,
  alias,
  look: { colour: "#2a74b8", dash: [] },
  points,
  resets,
});

const profile = (alias: string, labels: string[], active = false): Plots["profiles"][number] => ({
  id: `card-${alias}`,
  alias,
  active,
  series: labels.map((label) => ({ label, short: label, points: [[NOON, 10]], resets: [] })),
});

test("a gap of one line lasts until its own next reading, whatever other lines say meanwhile", () => {
  const gappy = line("a", [
    [1, 10],
    [2, null],
    [6, 20],
  ]);
  const whole = line("b", [
    [1, 1],
    [3, 2],
    [5, 3],
    [7, 4],
  ]);
  expect(aligned([gappy, whole])).toEqual([
    [1, 2, 3, 5, 6, 7],
    [10, null, null, null, 20, undefined],
    [1, undefined, 2, 3, undefined, 4],
  ]);
});

test("a line says its nearest reading, and nothing within a gap or beyond its ends", () => {
  const points: Line["points"] = [
    [10, 1],
    [20, 2],
    [21, null],
    [40, 3],
  ];
  const said = [9, 10, 14, 16, 20, 30, 40, 41].map((at) => valueAt(points, at));
  expect(said).toEqual([null, 1, 1, 2, 2, null, 3, null]);
  expect(valueAt([], 5)).toBeNull();
});

test("the arrow keys go from reading to reading and stop at both ends", () => {
  const kept = stops([
    line("a", [
      [1, 10],
      [2, null],
      [6, 20],
    ]),
    line("b", [[4, 1]]),
  ]);
  expect(kept).toEqual([1, 4, 6]);
  expect(step(kept, null, -1)).toBe(6);
  expect(step(kept, 6, -1)).toBe(4);
  expect(step(kept, 4.4, 1)).toBe(6);
  expect(step(kept, 1, -1)).toBe(1);
  expect(step(kept, 6, 100)).toBe(6);
  expect(step([], 3, 1)).toBeNull();
});

test("there is a plot for each kind of window that a chosen profile has, the great ones first", () => {
  const plots: Plots = {
    from: NOON - HOUR,
    until: NOON,
    profiles: [profile("work", ["5-hour", "7-day", "Opus"]), profile("side", ["7-day", "5-hour", "Haiku"])],
    switches: [],
  };
  expect(charts(plots, ["card-work", "card-side"]).map((chart) => chart.label)).toEqual([
    "5-hour",
    "7-day",
    "Haiku",
    "Opus",
  ]);
  const alone = charts(plots, ["card-side"]);
  expect(alone.map((chart) => chart.lines.map((each) => each.alias))).toEqual([["side"], ["side"], ["side"]]);
  expect(charts(plots, [])).toEqual([]);
});

test("at first as many profiles are chosen as can be told apart, the active one among them", () => {
  const many = Array.from({ length: 9 }, (_, i) => profile(`p${i}`, ["5-hour"], i === 8));
  const chosen = firstChoice([profile("unread", []), ...many]);
  expect(chosen).toHaveLength(6);
  expect(chosen[0]).toBe("card-p8");
  expect(chosen).not.toContain("card-unread");
});

test("no two of the first profiles are drawn alike, and a profile's look does not depend on the others chosen", () => {
  const profiles = ["work", "personal", "side", "client-north", "team-2", "research", "backup"].map((alias) =>
    profile(alias, ["5-hour"]),
  );
  const all = [...looks(profiles).values()].map((look) => `${look.colour} ${look.dash.join(" ")}`);
  expect(new Set(all).size).toBe(profiles.length);
});

test("the scale ends at 100 % and grows where a plan was exceeded", () => {
  expect(ceiling([line("a", [[1, 40]])])).toBe(100);
  expect(ceiling([line("a", [[1, 100.4]])])).toBe(125);
  expect(ceiling([])).toBe(100);
});

test("a row of the table says the highest reading and what happened, newest first, and empty rows are left out", () => {
  const chart: Chart = {
    label: "5-hour",
    lines: [
      line(
        "work",
        [
          [NOON - 3 * HOUR, 20],
          [NOON - 3 * HOUR + 600_000, 70],
          [NOON - 600_000, 5],
        ],
        [NOON - 2.5 * HOUR],
      ),
      line("side", [[NOON - 3 * HOUR, 1]]),
    ],
  };
  const plots: Plots = {
    from: NOON - 24 * HOUR,
    until: NOON,
    profiles: [],
    switches: [{ at: NOON - 5 * HOUR, alias: "side", id: null }],
  };
  const listed = rows(chart, plots, 1);
  expect(listed.map((row) => [(NOON - row.from) / HOUR, row.cells])).toEqual([
    [1, [5, null]],
    [3, [70, 1]],
    [5, [null, null]],
  ]);
  expect(listed[1]?.resets).toEqual([{ at: NOON - 2.5 * HOUR, alias: "work" }]);
  expect(listed[2]?.switches.map((each) => each.alias)).toEqual(["side"]);
});

test("over 90 days a row is a day of the person's calendar", () => {
  const at = NOON - 80 * 24 * HOUR;
  const chart: Chart = { label: "7-day", lines: [line("work", [[at, 33]])] };
  const plots: Plots = { from: NOON - 90 * 24 * HOUR, until: NOON, profiles: [], switches: [] };
  const listed = rows(chart, plots, 90);
  expect(listed).toHaveLength(1);
  expect(new Date(listed[0]?.from ?? 0).getHours()).toBe(0);
  expect(new Date(listed[0]?.from ?? 0).getDate()).toBe(new Date(at).getDate());
});
