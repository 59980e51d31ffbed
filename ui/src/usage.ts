// Readings as words and widths: percentages used or left, the pace mark, resets, the one forecast of a card, and how old a
// reading is. Pure: the present is always an argument. Which window is the tightest, how near its limit it is and where
// it is going come from the core; deliberately not here: lengths of time and badges (`format.ts`), fixed words (`copy.ts`).
import { usage as say } from "./copy";
import { ago, atTime, countdown, counted, DAY, dayAndTime, HOUR, MINUTE } from "./format";
import type { Meter } from "./generated/Meter";
import type { Resets } from "./generated/Resets";
import type { Severity } from "./generated/Severity";
import type { Shows } from "./generated/Shows";
import type { SpendView } from "./generated/SpendView";
import type { Timestamp } from "./generated/Timestamp";
import type { UsageView } from "./generated/UsageView";

/** A reading older than this says how old it is. */
export const READING_OLD = 10 * MINUTE;

/**
 * "82 %". Rounded, but never onto a boundary that was not reached: a little is not nothing, and nearly full is not
 * full. What exceeds a plan is shown as it is.
 */
export function percent(value: number): string {
  if (value > 0 && value < 1) return "<1 %";
  if (value > 99 && value < 100) return "99 %";
  if (value > 100 && value < 101) return "101 %";
  return `${Math.round(value)} %`;
}

/** What a meter counts: how much of it is used, or how much is left. Nobody has less than nothing left. */
export function counting(used: number, shows: Shows): number {
  return shows === "used" ? used : Math.max(0, 100 - used);
}

/** How much of the bar is filled, 0 to 100. Something that is not nothing stays visible. */
export function fill(value: number): number {
  if (value <= 0) return 0;
  return Math.min(100, Math.max(2, value));
}

/**
 * Where the window itself stands, 0 to 100: usage beyond this mark runs ahead of time. Null when that is unknown. In
 * quarters, finer than a pixel, so that most ticks of the clock move nothing.
 */
export function pace(meter: Meter, now: Timestamp): number | null {
  if (meter.resetsAt === null || meter.periodMs === null || meter.periodMs <= 0) return null;
  const left = meter.resetsAt - now;
  if (left <= 0) return null;
  return Math.round(4 * Math.min(100, Math.max(0, 100 * (1 - left / meter.periodMs)))) / 4;
}

/** The last column of a meter: "1h56" or "14:20", "not started", "has reset". */
export function resetWords(meter: Meter, resets: Resets, now: Timestamp): string {
  const at = meter.resetsAt;
  if (at === null) return say.notStarted;
  if (at <= now) return say.hasReset;
  return resets === "clock" ? dayAndTime(at, now) : (countdown(at, now) ?? say.hasReset);
}

/** How near its limit a window is, for those who cannot see a colour; null while there is nothing to say. */
export function severityWords(percentUsed: number, severity: Severity): string | null {
  if (percentUsed >= 100) return say.usedUp;
  return severity === "normal" ? null : say[severity];
}

/** How a meter is told. */
export interface Telling {
  readonly shows: Shows;
  readonly resets: Resets;
}

/**
 * A meter as a sentence, for a tooltip and for people who listen: "82 %, near the limit, 61 % of its time gone, resets in
 * 1 hour 56 minutes".
 */
export function meterSentence(meter: Meter, { shows, resets }: Telling, now: Timestamp): string {
  const value = percent(counting(meter.percent, shows));
  const amount = shows === "left" ? say.left(value) : value;
  if (meter.resetsAt !== null && meter.resetsAt <= now) return `${amount} ${say.beforeReset}`;
  const near = severityWords(meter.percent, meter.severity);
  const mark = pace(meter, now);
  return [
    amount,
    ...(near === null ? [] : [near]),
    ...(mark === null ? [] : [say.timeGone(percent(mark))]),
    resetSentence(meter.resetsAt, resets, now),
  ].join(", ");
}

function resetSentence(at: Timestamp | null, resets: Resets, now: Timestamp): string {
  if (at === null) return say.windowNotStarted;
  return resets === "clock" ? say.resetsAt(atTime(at, now)) : say.resetsIn(spokenLength(at - now));
}

/** "1 hour 56 minutes", "3 days 4 hours": two units, in whole words. */
export function spokenLength(ms: number): string {
  const days = Math.floor(ms / DAY);
  const hours = Math.floor((ms % DAY) / HOUR);
  const minutes = Math.floor((ms % HOUR) / MINUTE);
  const parts: string[] = [];
  if (days > 0) parts.push(counted(days, "day", "days"));
  if (hours > 0) parts.push(counted(hours, "hour", "hours"));
  if (days === 0 && minutes > 0) parts.push(counted(minutes, "minute", "minutes"));
  return parts.length === 0 ? "less than a minute" : parts.join(" ");
}

/** The meter that the core calls the tightest. */
export function tightest(usage: UsageView | null): Meter | null {
  return usage?.tightest == null ? null : (usage.meters[usage.tightest] ?? null);
}

/** The one line of a card that looks ahead. */
export interface Forecast {
  /** `full`: used up. `limit`: will be, before its reset. `near`: close, and nothing is known. `lasts`: close, and will do. */
  readonly kind: "full" | "limit" | "near" | "lasts";
  /** What matters, and how the sentence goes on, with the comma or blank between. */
  readonly lead: string;
  readonly rest: string;
}

/**
 * What a card says about what is to come: the window that will end first, or the tightest one when it is close to its
 * limit. Null where there is nothing worth a line.
 */
export function forecast(usage: UsageView, resets: Resets, now: Timestamp): Forecast | null {
  const tight = tightest(usage);
  if (tight !== null && tight.percent >= 100 && !over(tight, now)) {
    return { kind: "full", lead: say.reached(tight.label), rest: until(tight, resets, now) };
  }
  const ending = endsFirst(usage.meters, now);
  if (ending !== null) {
    const { label, at } = ending;
    const lead = at <= now ? say.limitNow(label) : say.limitAt(label, atTime(at, now));
    return { kind: "limit", lead, rest: say.atThisPace };
  }
  if (tight === null || tight.severity === "normal" || over(tight, now)) return null;
  if (tight.outlook?.kind === "lasts")
    return { kind: "lasts", lead: say.near(tight.label), rest: say.butLasts };
  return { kind: "near", lead: say.near(tight.label), rest: until(tight, resets, now) };
}

function endsFirst(meters: readonly Meter[], now: Timestamp): { label: string; at: Timestamp } | null {
  let first: { label: string; at: Timestamp } | null = null;
  for (const { label, outlook, ...meter } of meters) {
    if (outlook?.kind !== "limit" || over(meter, now)) continue;
    if (first === null || outlook.at < first.at) first = { label, at: outlook.at };
  }
  return first;
}

/** The window has ended since it was read: what is known about it is about the one before. */
function over({ resetsAt }: Pick<Meter, "resetsAt">, now: Timestamp): boolean {
  return resetsAt !== null && resetsAt <= now;
}

function until(meter: Meter, resets: Resets, now: Timestamp): string {
  if (meter.resetsAt === null) return "";
  return resets === "clock"
    ? `, ${say.resetsAt(atTime(meter.resetsAt, now))}`
    : `, ${say.resetsIn(countdown(meter.resetsAt, now) ?? "")}`;
}

/** "$5.41 of $20.00". */
export function spendWords({ used, limit }: SpendView): string {
  return limit === null ? used : say.ofLimit(used, limit);
}

/** "read 25 min ago" for a reading that has become old; null for a fresh one. */
export function readingAge(usage: UsageView, now: Timestamp): string | null {
  return now - usage.readAt > READING_OLD ? ageOf(usage, now) : null;
}

/** "read 12 s ago", however fresh it is. */
export function ageOf(usage: UsageView, now: Timestamp): string {
  return say.read(ago(usage.readAt, now));
}

/** "updated 12 s ago": the newest usage reading on the board. Null while there is none. */
export function updatedWords(readings: readonly (UsageView | null)[], now: Timestamp): string | null {
  const times = readings.flatMap((usage) => (usage === null ? [] : [usage.readAt]));
  return times.length === 0 ? null : say.updated(ago(Math.max(...times), now));
}
