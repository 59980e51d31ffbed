// Every word that the History window says to a person, and moments as words. Times are the person's own, in the way that
// their system writes them.
import type { Days } from "./lines";

const TIME = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat([], { day: "numeric", month: "short" });
const DAY_OF_WEEK = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short" });
const MOMENT = new Intl.DateTimeFormat([], {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
});

/** "Sun 22 Nov, 14:05". */
export const moment = (at: number) => MOMENT.format(at);
/** "Sun 22 Nov". */
export const dayOfWeek = (at: number) => DAY_OF_WEEK.format(at);
/** "14:05". */
export const time = (at: number) => TIME.format(at);
/** "22 Nov". */
export const day = (at: number) => DAY.format(at);

/** A percentage without its fraction, which nobody reads off a line. */
export const percent = (value: number) => `${Math.round(value)} %`;

const SPANS: Readonly<Record<Days, string>> = { 1: "24 h", 7: "7 d", 30: "30 d", 90: "90 d" };
const SPANS_SPOKEN: Readonly<Record<Days, string>> = {
  1: "24 hours",
  7: "7 days",
  30: "30 days",
  90: "90 days",
};

export const say = {
  title: "Usage over time",
  span: (days: Days) => SPANS[days],
  lastSpan: (days: Days) => `the last ${SPANS_SPOKEN[days]}`,
  chooseSpan: "How far back",
  chooseProfiles: "Profiles in the plots",
  plots: "Plots",
  table: "Table",
  view: "Shown as",
  saveCsv: "Save CSV…",
  savePng: "Save PNG…",
  saved: (path: string) => `Saved as ${path}`,
  reading: "Reading…",
  noProfilesTitle: "No profile yet",
  noProfiles: "Add one on the board, and its usage is kept from then on.",
  noReadingsTitle: "No readings in this time",
  noReadings: (days: Days) =>
    `Signalbox has read no usage in ${SPANS_SPOKEN[days]}. It keeps every reading for 90 days from now on.`,
  noneChosenTitle: "No profile chosen",
  noneChosen: "Choose one above to see its lines.",
  hiddenTitle: "Numbers are hidden",
  hidden: (keys: string) =>
    `A line is nothing but numbers, so none is drawn. ${keys} on the board shows them again.`,
  failedTitle: "This cannot be shown",
  tryAgain: "Try again",
  active: "active",
  windowOf: (label: string) =>
    label === "5-hour" || label === "7-day" ? `${label} window` : `${label}, weekly`,
  switched: (alias: string) => `${alias} went live`,
  reset: (alias: string) => `${alias} reset`,
  legend: {
    switched: "went live",
    reset: "window reset",
    high: "80 %",
    nearly: "95 %",
    unknown: "gap: no reading",
  },
  plotFor: (label: string, days: Days, aliases: readonly string[]) =>
    `${label}, ${SPANS_SPOKEN[days]}, ${aliases.join(", ")}. The left and right arrow keys move through the readings.`,
  nothingThen: "no reading",
  when: "Time",
  highest: "The highest reading of each row’s time.",
  happened: "What happened",
} as const;
