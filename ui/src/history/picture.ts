// The plots as one picture, with a title and the names of the lines, as somebody sees it who was not there. Owns the
// composition; the plots themselves are copied from the screen.
import type { Plots } from "../generated/Plots";
import { lineColour, type Palette } from "./chart";
import type { Chart, Days } from "./lines";
import { moment, say } from "./words";

/** In CSS pixels. */
const EDGE = 20;
const TITLE = 26;
const NAMES = 24;
const HEADING = 26;
const FACE = '-apple-system, "SF Pro Text", Inter, system-ui, sans-serif';

export interface Picture {
  readonly canvases: readonly HTMLCanvasElement[];
  readonly charts: readonly Chart[];
  readonly plots: Plots;
  readonly days: Days;
  readonly colours: Palette;
}

/** Draws the picture and gives it as a PNG. */
export async function draw(picture: Picture): Promise<ArrayBuffer> {
  const { canvases, charts, colours } = picture;
  const first = canvases[0];
  if (first === undefined || canvases.length !== charts.length) throw new Error("there is nothing to save");
  const scale = devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = first.width + 2 * EDGE * scale;
  const plots = canvases.reduce((sum, each) => sum + each.height + HEADING * scale, 0);
  const names = nameRows(charts, first.width / scale);
  canvas.height = (2 * EDGE + TITLE + names.length * NAMES) * scale + plots;
  const ctx = canvas.getContext("2d");
  if (ctx === null) throw new Error("this system draws no pictures");
  ctx.fillStyle = colours.card;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.scale(scale, scale);
  ctx.textBaseline = "top";
  title(ctx, picture);
  names.forEach((row, i) => row.forEach((name) => drawName(ctx, name, EDGE + TITLE + i * NAMES, colours)));
  let top = EDGE + TITLE + names.length * NAMES;
  canvases.forEach((each, i) => {
    text(ctx, say.windowOf(charts[i]?.label ?? ""), EDGE, top + 6, `600 12px ${FACE}`, colours.ink);
    ctx.drawImage(each, EDGE, top + HEADING, each.width / scale, each.height / scale);
    top += HEADING + each.height / scale;
  });
  return bytesOf(canvas);
}

function title(ctx: CanvasRenderingContext2D, { plots, days, colours }: Picture): void {
  text(ctx, `Signalbox: usage over ${say.lastSpan(days)}`, EDGE, EDGE, `600 14px ${FACE}`, colours.ink);
  ctx.textAlign = "end";
  const right = ctx.canvas.width / devicePixelRatio - EDGE;
  text(ctx, moment(plots.until), right, EDGE + 2, `11px ${FACE}`, colours.ink2);
  ctx.textAlign = "start";
}

interface Name {
  readonly alias: string;
  readonly look: Chart["lines"][number]["look"];
  readonly left: number;
}

/** The names of all lines, each once, in as many rows as they need. */
function nameRows(charts: readonly Chart[], width: number): Name[][] {
  const rows: Name[][] = [];
  const seen = new Set<string>();
  let left = Infinity;
  for (const { id, alias, look } of charts.flatMap((chart) => chart.lines)) {
    if (seen.has(id)) continue;
    seen.add(id);
    const needs = 40 + alias.length * 7.5;
    if (left + needs > width) {
      rows.push([]);
      left = 0;
    }
    rows.at(-1)?.push({ alias, look, left: left + EDGE });
    left += needs;
  }
  return rows;
}

function drawName(ctx: CanvasRenderingContext2D, name: Name, top: number, colours: Palette): void {
  ctx.strokeStyle = lineColour(name.look, colours.dark);
  ctx.lineWidth = 2.5;
  ctx.setLineDash([...name.look.dash]);
  ctx.beginPath();
  ctx.moveTo(name.left, top + 8);
  ctx.lineTo(name.left + 18, top + 8);
  ctx.stroke();
  ctx.setLineDash([]);
  text(ctx, name.alias, name.left + 24, top + 2, `12px ${FACE}`, colours.ink);
}

function text(
  ctx: CanvasRenderingContext2D,
  words: string,
  left: number,
  top: number,
  font: string,
  colour: string,
): void {
  ctx.font = font;
  ctx.fillStyle = colour;
  ctx.fillText(words, left, top);
}

async function bytesOf(canvas: HTMLCanvasElement): Promise<ArrayBuffer> {
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (blob === null) throw new Error("the picture could not be drawn");
  return blob.arrayBuffer();
}
