// Moments, lengths of time, badges and names as words. Pure: the present is always an argument, so that the same board can
// be drawn again each second without asking anybody.
// Deliberately not here: readings (`usage.ts`), fixed words (`copy.ts`), what is shown at all (`store.ts`, the components).
import { aliasForm, words } from "./copy";
import type { Card } from "./generated/Card";
import type { Deadline } from "./generated/Deadline";
import type { Reason } from "./generated/Reason";
import type { Timestamp } from "./generated/Timestamp";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A login that ends within this is drawn as a warning. */
export const DEADLINE_NEAR = 5 * DAY;

/** "1 day", "21 days". */
export const counted = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

/** "12 s", "4 min", "3 h", "21 days": a length of time in its largest unit, rounded down. */
export function length(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return counted(Math.floor(ms / DAY), "day", "days");
}

/** "just now", "12 s ago", "4 min ago". A moment that a clock change put into the future is "just now". */
export function ago(at: Timestamp, now: Timestamp): string {
  const age = now - at;
  return age < 2 * SECOND ? "just now" : `${length(age)} ago`;
}

/** "1h56", "3d 4h", "42 min", "<1 min": the time left, short enough for a column. Null when nothing is left. */
export function countdown(until: Timestamp, now: Timestamp): string | null {
  const left = until - now;
  if (left <= 0) return null;
  if (left < MINUTE) return "<1 min";
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min`;
  if (left < DAY) return `${Math.floor(left / HOUR)}h${pad(Math.floor((left % HOUR) / MINUTE))}`;
  const hours = Math.floor((left % DAY) / HOUR);
  return hours === 0 ? `${Math.floor(left / DAY)}d` : `${Math.floor(left / DAY)}d ${hours}h`;
}

/** "0:42", "12:05", "1:02:05": the time left on a button that waits. */
export function clock(until: Timestamp, now: Timestamp): string {
  const seconds = Math.max(0, Math.ceil((until - now) / SECOND));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

const pad = (n: number) => String(n).padStart(2, "0");

// Made once: making one costs more than a whole card. The words around them are English; only the clock follows the system.
const TIME = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** "14:05", or "2:05 PM" where people read it so. */
export function timeOfDay(at: Timestamp): string {
  return TIME.format(at);
}

/** "14:20" for a moment today, "Thu 14:20" within a week, else "19 Mar": short enough for a column. */
export function dayAndTime(at: Timestamp, now: Timestamp): string {
  if (sameDay(at, now)) return timeOfDay(at);
  // From a week on the same weekday would come again.
  return Math.abs(at - now) < 6 * DAY ? `${WEEKDAY.format(at)} ${timeOfDay(at)}` : DATE.format(at);
}

/** The same within a sentence: "at 14:20", "Thu 14:20", "19 Mar". */
export function atTime(at: Timestamp, now: Timestamp): string {
  return sameDay(at, now) ? `at ${timeOfDay(at)}` : dayAndTime(at, now);
}

function sameDay(a: Timestamp, b: Timestamp): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** How a profile stands: the words of its badge, or of what is done about them. The same words as the core's. */
export function standingWords(
  { badge, bootstrap }: Pick<Card, "badge" | "bootstrap">,
  now: Timestamp,
): string {
  const ended = badge.reason.kind === "loginNeeded";
  if (bootstrap?.kind === "ready") return words.clickAuthorize;
  if (bootstrap?.kind === "due" && ended) return words.windowComesUp;
  if (bootstrap?.kind === "stalled" && ended) return words.signInStalled;
  return badgeWords(badge.reason, now);
}

/** The words of a badge, with the age at the moment of drawing. */
export function badgeWords(reason: Reason, now: Timestamp): string {
  switch (reason.kind) {
    case "synced":
      return `synced ${ago(reason.at, now)}`;
    case "checked":
      return `checked ${ago(reason.at, now)}`;
    case "deadlineNear":
      return deadlineWords(reason, now);
    case "unconfirmed":
    case "signedOut":
    case "drifted":
    case "loginNeeded":
    case "cannotRenew":
    case "neverChecked":
    case "unreadable":
      return words[reason.kind];
    default:
      return reason satisfies never;
  }
}

/** "login ends in 21 days", or that it is only assumed. The same words as the core's, for tray and command line. */
export function deadlineWords({ at, assumed }: Deadline, now: Timestamp): string {
  if (at <= now) return assumed ? words.loginMayHaveEnded : words.loginEnded;
  const left = length(at - now);
  return assumed ? `login ends in about ${left} (assumed)` : `login ends in ${left}`;
}

/** Whose login a card has; of a setup-token that is what a person said, and nobody can check it. */
export function whose({ email, setupToken }: { email: string; setupToken: boolean }): string {
  if (!setupToken) return email;
  return email === "" ? words.setupToken : `unverified: ${email}`;
}

/** A sentence of the core without the backticks that it has for terminals. */
export function plain(text: string): string {
  return text.replaceAll("`", "");
}

/** The two letters of a card's tile: "work" is WO, "team-2" is T2. */
export function initials(alias: string): string {
  const signs = alias.replace(/[^A-Za-z0-9]/g, "");
  const number = /[0-9]$/.exec(signs);
  const pair = number !== null && signs.length > 2 ? `${signs.charAt(0)}${number[0]}` : signs.slice(0, 2);
  return pair.toUpperCase();
}

/** Tile colours on which white text has a contrast of at least 4.5. */
const TILES = [
  "#b4532a",
  "#2a74b8",
  "#5564d8",
  "#8a6a12",
  "#0b7f62",
  "#c13a56",
  "#a13d8f",
  "#4f7a28",
  "#7a4fc9",
];

/** The tile colour of a profile. It depends on the alias alone, so it never changes under a person's eyes. */
export function tileColour(alias: string): string {
  let hash = 0;
  for (const sign of alias) hash = (hash * 65_599 + (sign.codePointAt(0) ?? 0)) >>> 0;
  return TILES[hash % TILES.length] ?? "#6e6e73";
}

/**
 * What is wrong with a profile's name, or null. The rule is the core's `Alias::parse`; two names that differ only in
 * case are one name, because they are also file names on a disk that may ignore it.
 */
export function aliasFault(alias: string, taken: readonly string[]): string | null {
  if (alias.length === 0) return aliasForm.missing;
  if (!/^[A-Za-z0-9]/.test(alias)) return aliasForm.badStart;
  if (!/^[A-Za-z0-9._-]*$/.test(alias)) return aliasForm.badCharacter;
  if (alias.length > 32) return aliasForm.tooLong;
  const other = taken.find((name) => name.toLowerCase() === alias.toLowerCase());
  return other === undefined ? null : aliasForm.taken(other);
}
