// What of the past is drawn, and what a moment of it says. Pure: from the core's `Plots` to aligned lines, colours, values
// under the cursor and rows of the table. Deliberately not here: pixels (`chart.ts`) and words (`words.ts`).
import { tileColour } from "../format";
import type { Plot } from "../generated/Plot";
import type { Plots } from "../generated/Plots";
import type { Series } from "../generated/Series";

export const SPANS = [1, 7, 30, 90] as const;
export type Days = (typeof SPANS)[number];

type Points = Series["points"];

const HOUR = 3_600_000;
/** So many lines can be told apart in the beginning; the person may choose more. */
const CHOSEN_FIRST = 6;
/** Two profiles of one colour differ in their strokes. */
const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3]];

/** A profile's line in one plot. */
export interface Line {
  readonly id: string;
  readonly alias: string;
  readonly look: Look;
  readonly points: Points;
  readonly resets: readonly number[];
}

/** How a profile's lines are drawn in every plot. */
export interface Look {
  /** As the tile on its card. */
  readonly colour: string;
  /** In pixels, drawn and left out in turn; empty for a whole line. */
  readonly dash: readonly number[];
}

/** All lines of one kind of window. */
export interface Chart {
  readonly label: string;
  readonly lines: readonly Line[];
}

/** Which profiles are chosen at first: all, or as many as can be told apart, the active one among them. */
export function firstChoice(profiles: readonly Plot[]): string[] {
  const drawn = profiles.filter((profile) => profile.series.length > 0);
  const first = [...drawn.filter((profile) => profile.active), ...drawn.filter((profile) => !profile.active)];
  return first.slice(0, CHOSEN_FIRST).map((profile) => profile.id);
}

/** The looks of all profiles by id. They do not depend on what is chosen, so no line changes under a person's eyes. */
export function looks(profiles: readonly Plot[]): Map<string, Look> {
  const used = new Map<string, number>();
  return new Map(
    profiles.map((profile) => {
      const colour = tileColour(profile.alias);
      const before = used.get(colour) ?? 0;
      used.set(colour, before + 1);
      return [profile.id, { colour, dash: DASHES[before % DASHES.length] ?? [] }];
    }),
  );
}

/** A plot for each kind of window that one of the chosen profiles has: the great ones first. */
export function charts(plots: Plots, chosen: readonly string[]): Chart[] {
  const look = looks(plots.profiles);
  const byLabel = new Map<string, Line[]>();
  for (const profile of plots.profiles.filter(({ id }) => chosen.includes(id))) {
    for (const { label, points, resets } of profile.series) {
      const lines = byLabel.get(label) ?? [];
      const own = look.get(profile.id) ?? { colour: tileColour(profile.alias), dash: [] };
      lines.push({ id: profile.id, alias: profile.alias, look: own, points, resets });
      byLabel.set(label, lines);
    }
  }
  const place = (label: string) => (label === "5-hour" ? 0 : label === "7-day" ? 1 : 2);
  const labels = [...byLabel.keys()].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return labels.map((label) => ({ label, lines: byLabel.get(label) ?? [] }));
}

type Column = (number | null | undefined)[];

/** One column of moments, and one of values for each line: null breaks the line, undefined lets it pass. */
export function aligned(lines: readonly Line[]): [number[], ...Column[]] {
  const moments = [...new Set(lines.flatMap((line) => line.points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(moments.map((at, i) => [at, i]));
  const columns = lines.map((line) => {
    const column: Column = new Array<undefined>(moments.length).fill(undefined);
    for (const [at, value] of line.points) column[place.get(at) ?? 0] = value;
    // Other lines have moments within the gap of this one, and a gap ends where its own line begins again.
    for (let i = 1; i < column.length; i++)
      if (column[i] === undefined && column[i - 1] === null) column[i] = null;
    return column;
  });
  return [moments, ...columns];
}

/** The moments at which at least one line has a reading, for the arrow keys. */
export function stops(lines: readonly Line[]): number[] {
  const known = lines.flatMap((line) => line.points.flatMap(([at, value]) => (value === null ? [] : [at])));
  return [...new Set(known)].sort((a, b) => a - b);
}

/** The stop `by` places from the one nearest to `at`; from nowhere, the newest. Null where there is none. */
export function step(stops: readonly number[], at: number | null, by: number): number | null {
  if (at === null) return stops.at(-1) ?? null;
  const to = Math.min(stops.length - 1, Math.max(0, nearest(stops, at) + by));
  return stops[to] ?? null;
}

function nearest(stops: readonly number[], at: number): number {
  const after = lowerBound(stops.length, (i) => (stops[i] ?? 0) >= at);
  const [left, right] = [stops[after - 1], stops[after]];
  if (left === undefined) return after;
  return right === undefined || at - left <= right - at ? after - 1 : after;
}

/** The first of `count` places at which `holds`, which holds from there on. */
function lowerBound(count: number, holds: (i: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** What a line says at a moment: its nearest reading, or null within a gap and beyond its ends. */
export function valueAt(points: Points, at: number): number | null {
  const after = lowerBound(points.length, (i) => (points[i]?.[0] ?? 0) >= at);
  const [left, right] = [points[after - 1], points[after]];
  if (right !== undefined && right[0] === at) return right[1];
  if (left === undefined || right === undefined || left[1] === null || right[1] === null) return null;
  return at - left[0] <= right[0] - at ? left[1] : right[1];
}

/** The top of the scale: 100, and more in steps of 25 where a plan was exceeded. */
export function ceiling(lines: readonly Line[]): number {
  let highest = 100;
  for (const line of lines) for (const [, value] of line.points) highest = Math.max(highest, value ?? 0);
  return Math.ceil(highest / 25) * 25;
}

/** A stretch of time in the table. */
export interface Row {
  readonly from: number;
  /** Of each line the highest reading in it; null without one. */
  readonly cells: readonly (number | null)[];
  readonly resets: readonly { at: number; alias: string }[];
  readonly switches: readonly { at: number; alias: string }[];
}

/** How long a row of the table is, in hours. */
export function rowHours(days: Days): number {
  return days === 1 ? 1 : days === 7 ? 6 : 24;
}

/** The rows of one chart's table, newest first. Hours and days begin as the person's clock says. Empty rows are left out. */
export function rows(chart: Chart, plots: Plots, days: Days): Row[] {
  const hours = rowHours(days);
  const start = new Date(plots.until);
  start.setHours(Math.floor(start.getHours() / hours) * hours, 0, 0, 0);
  const rows: Row[] = [];
  for (let to = plots.until + 1; to > plots.from;) {
    const from = start.getTime();
    const within = (at: number) => at >= from && at < to && at >= plots.from;
    const highest = (points: Points) =>
      points.reduce<number | null>(
        (top, [at, value]) => (value !== null && within(at) ? Math.max(top ?? 0, value) : top),
        null,
      );
    const row = {
      from,
      cells: chart.lines.map((line) => highest(line.points)),
      resets: chart.lines.flatMap((line) =>
        line.resets.filter(within).map((at) => ({ at, alias: line.alias })),
      ),
      switches: plots.switches.filter(({ at }) => within(at)),
    };
    if (row.cells.some((cell) => cell !== null) || row.resets.length + row.switches.length > 0)
      rows.push(row);
    to = from;
    start.setHours(start.getHours() - hours);
    // Where an hour does not exist, a clock that is set back lands on the same one again.
    if (start.getTime() >= from) start.setTime(from - HOUR);
  }
  return rows;
}
