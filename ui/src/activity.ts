// Recent activity as a list under days. Pure: the present is an argument. Owns how the lines are grouped and what stands
// beside a sentence; the sentences come from the backend.
import { activity as say } from "./copy";
import { HOUR, MINUTE, length, timeOfDay } from "./format";
import type { Line } from "./generated/Line";
import type { Timestamp } from "./generated/Timestamp";

export interface Day {
  /** "Today", "Yesterday", "Thursday 12 March". */
  readonly name: string;
  readonly lines: readonly Line[];
}

/** The lines under their days, in the order in which they come: newest first. */
export function byDay(lines: readonly Line[], now: Timestamp): readonly Day[] {
  const days: { name: string; lines: Line[] }[] = [];
  for (const line of lines) {
    const name = dayName(line.at, now);
    const last = days.at(-1);
    if (last?.name === name) last.lines.push(line);
    else days.push({ name, lines: [line] });
  }
  return days;
}

/** The day of `at` by the calendar of this computer. */
export function dayName(at: Timestamp, now: Timestamp): string {
  const [day, today] = [new Date(at), new Date(now)];
  // By the calendar and not by 24 hours: a day in which the clocks change has another length.
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (day.toDateString() === today.toDateString()) return say.today;
  if (day.toDateString() === yesterday.toDateString()) return say.yesterday;
  const sameYear = day.getFullYear() === today.getFullYear();
  // The words around it are English; only the clock follows the system.
  return day
    .toLocaleDateString("en-GB", {
      weekday: "long",
      day: "numeric",
      month: "long",
      ...(sameYear ? {} : { year: "numeric" }),
    })
    .replace(",", "");
}

/** "now", "4 min ago", and the time of day for whatever is older than an hour. */
export function timeWords(at: Timestamp, now: Timestamp): string {
  const age = now - at;
  if (age < 0 || age >= HOUR) return timeOfDay(at);
  return age < MINUTE ? say.now : `${length(age)} ago`;
}

/** The whole moment, for a tooltip. */
export function moment(at: Timestamp): string {
  return new Date(at).toLocaleString([], { dateStyle: "full", timeStyle: "medium" });
}

/** Which program did it. */
export function byWords(by: string): string {
  return say.by[by] ?? by;
}

/** A sentence of the history as it stands in a list: with a capital. Aliases keep theirs, being names. */
export function sentence(text: string, aliases: readonly string[]): string {
  const first = text.split(/[\s’']/, 1)[0] ?? "";
  if (aliases.includes(first) || first.includes("@")) return text;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
