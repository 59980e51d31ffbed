// One plot as uPlot draws it: axes, guides, marks of switches and resets. Owns every pixel of the canvas; the values come
// from `lines.ts`, the colours of the surroundings from the style sheet.
import uPlot from "uplot";
import type { Plots } from "../generated/Plots";
import { ceiling, type Chart, type Look } from "./lines";
import { day, percent, time } from "./words";

const DAY_MS = 86_400_000;
const FONT = '11px -apple-system, "SF Pro Text", Inter, system-ui, sans-serif';
/** Where a window begins to fill up, and where it is nearly over: the core's WARNING_PERCENT and CRITICAL_PERCENT. */
export const HIGH = 80;
export const NEARLY_OVER = 95;
/** Room on top for the marks of switches. */
const TOP = 10;

/** The colours of the surroundings, as they are now. */
export interface Palette {
  readonly dark: boolean;
  readonly ink: string;
  readonly ink2: string;
  readonly ink3: string;
  readonly line: string;
  readonly card: string;
  readonly warn: string;
  readonly bad: string;
}

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    dark: style.colorScheme === "dark",
    ink: of("--ink"),
    ink2: of("--ink-2"),
    ink3: of("--ink-3"),
    line: of("--line"),
    card: of("--plot"),
    warn: of("--warn"),
    bad: of("--bad"),
  };
}

/** A tile's colour as a line's: tiles are dark enough for white letters, too dark for a line on a dark ground. */
export function lineColour(look: Look, dark: boolean): string {
  if (!dark) return look.colour;
  const towards = (from: number) =>
    Math.round(parseInt(look.colour.slice(from, from + 2), 16) * 0.6 + 255 * 0.4);
  return `rgb(${towards(1)}, ${towards(3)}, ${towards(5)})`;
}

export function optionsFor(
  chart: Chart,
  plots: Plots,
  colours: Palette,
  size: { width: number; height: number },
  onCursor: (u: uPlot) => void,
): uPlot.Options {
  const top = ceiling(chart.lines);
  const alone = chart.lines.length === 1;
  const line = ({ alias, look }: Chart["lines"][number]): uPlot.Series => {
    const stroke = lineColour(look, colours.dark);
    return {
      label: alias,
      stroke,
      width: 1.75,
      dash: [...look.dash],
      ...(alone ? { fill: veil(stroke) } : {}),
      points: { show: true, filter: lonely, size: 4, fill: stroke, width: 0 },
    };
  };
  return {
    ...size,
    ms: 1,
    padding: [TOP, 14, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: [plots.from, plots.until] },
      y: { range: [0, top] },
    },
    axes: [
      {
        stroke: colours.ink2,
        font: FONT,
        size: 22,
        gap: 4,
        space: 78,
        grid: { stroke: colours.line, width: 1 },
        ticks: { show: false },
        values: (_u, splits, _axis, _space, step) => splits.map((at) => axisWords(at, step)),
      },
      {
        stroke: colours.ink2,
        font: FONT,
        size: 46,
        gap: 6,
        grid: { stroke: colours.line, width: 1 },
        ticks: { show: false },
        splits: () => (top > 150 ? [0, 100, top] : [0, 50, 100]),
        values: (_u, splits) => splits.map(percent),
      },
    ],
    cursor: {
      drag: { x: false, y: false },
      y: false,
      sync: { key: "past", scales: ["x", null] },
      points: { size: 8, width: 2, stroke: colours.card, fill: (u, i) => strokeOf(u, i) },
      dataIdx: (u, i, place) => nearestKnown(u, i, place),
    },
    series: [{}, ...chart.lines.map(line)],
    hooks: {
      drawAxes: [(u) => drawGuides(u, colours)],
      draw: [(u) => drawResets(u, chart, colours), (u) => drawSwitches(u, plots, colours)],
      setCursor: [onCursor],
    },
  };
}

function axisWords(at: number, step: number): string {
  if (step >= DAY_MS) return day(at);
  const when = new Date(at);
  return when.getHours() === 0 && when.getMinutes() === 0 ? day(at) : time(at);
}

function strokeOf(u: uPlot, i: number): string {
  const stroke = u.series[i]?.stroke;
  const colour = typeof stroke === "function" ? stroke(u, i) : stroke;
  return typeof colour === "string" ? colour : "";
}

function veil(colour: string): string {
  return colour.startsWith("#") ? `${colour}1f` : colour.replace("rgb(", "rgba(").replace(")", ", 0.14)");
}

/** A reading with a gap on either side is no line, and still has to be seen. */
function lonely(u: uPlot, i: number, show: boolean, gaps?: null | number[][]): number[] | null {
  const column = u.data[i];
  if (!show || column === undefined || gaps === undefined) return null;
  const known = (from: number, by: number): boolean => {
    for (let at = from + by; at >= 0 && at < column.length; at += by) {
      const value = column[at];
      if (value !== undefined) return value !== null;
    }
    return false;
  };
  const alone: number[] = [];
  column.forEach((value, at) => {
    if (value !== null && value !== undefined && !known(at, -1) && !known(at, 1)) alone.push(at);
  });
  return alone;
}

/** Of a line that has no reading at this place the nearest one, unless a gap lies between. */
function nearestKnown(u: uPlot, i: number, place: number): number {
  const column = u.data[i];
  if (i === 0 || column === undefined || column[place] !== undefined) return place;
  let [left, right] = [place, place];
  while (left >= 0 && column[left] === undefined) left--;
  while (right < column.length && column[right] === undefined) right++;
  const moments = u.data[0];
  const at = moments[place] ?? 0;
  const [before, after] = [column[left], column[right]];
  if (before === null || before === undefined) return right < column.length ? place : left;
  if (after === null || after === undefined) return place;
  return at - (moments[left] ?? 0) <= (moments[right] ?? 0) - at ? left : right;
}

function drawGuides(u: uPlot, colours: Palette): void {
  const { left, width } = u.bbox;
  const pixel = uPlot.pxRatio;
  u.ctx.save();
  u.ctx.lineWidth = pixel;
  u.ctx.setLineDash([4 * pixel, 4 * pixel]);
  for (const [at, colour] of [
    [HIGH, colours.warn],
    [NEARLY_OVER, colours.bad],
  ] as const) {
    const y = Math.round(u.valToPos(at, "y", true)) + pixel / 2;
    u.ctx.globalAlpha = 0.65;
    u.ctx.strokeStyle = colour;
    u.ctx.beginPath();
    u.ctx.moveTo(left, y);
    u.ctx.lineTo(left + width, y);
    u.ctx.stroke();
  }
  u.ctx.restore();
}

/** Short strokes at the foot, in the profile's colour. */
function drawResets(u: uPlot, chart: Chart, colours: Palette): void {
  const pixel = uPlot.pxRatio;
  const foot = u.bbox.top + u.bbox.height;
  u.ctx.save();
  u.ctx.lineWidth = 2 * pixel;
  u.ctx.lineCap = "round";
  for (const line of chart.lines) {
    u.ctx.strokeStyle = lineColour(line.look, colours.dark);
    u.ctx.beginPath();
    for (const at of line.resets) {
      const x = u.valToPos(at, "x", true);
      u.ctx.moveTo(x, foot - pixel);
      u.ctx.lineTo(x, foot - 7 * pixel);
    }
    u.ctx.stroke();
  }
  u.ctx.restore();
}

/** A thin line from top to foot, with a flag on top. Many of them pale, so that they do not hide the lines. */
function drawSwitches(u: uPlot, plots: Plots, colours: Palette): void {
  const pixel = uPlot.pxRatio;
  const { top, height, width } = u.bbox;
  const dense = plots.switches.length * 12 * pixel > width;
  u.ctx.save();
  u.ctx.strokeStyle = colours.ink2;
  u.ctx.fillStyle = colours.ink2;
  u.ctx.lineWidth = pixel;
  for (const { at } of plots.switches) {
    const x = Math.round(u.valToPos(at, "x", true)) + pixel / 2;
    u.ctx.globalAlpha = dense ? 0.15 : 0.4;
    u.ctx.beginPath();
    u.ctx.moveTo(x, top);
    u.ctx.lineTo(x, top + height);
    u.ctx.stroke();
    u.ctx.globalAlpha = dense ? 0.5 : 1;
    u.ctx.beginPath();
    u.ctx.moveTo(x - 3.5 * pixel, top - 6 * pixel);
    u.ctx.lineTo(x + 3.5 * pixel, top - 6 * pixel);
    u.ctx.lineTo(x, top);
    u.ctx.fill();
  }
  u.ctx.restore();
}
