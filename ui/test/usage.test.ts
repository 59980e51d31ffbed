// Readings as words and widths, as tables: used and left, countdown and clock, pace, severity, and the one forecast of a card.
import { describe, expect, test } from "vitest";
import { atTime, DAY, dayAndTime, HOUR, MINUTE, SECOND } from "../src/format";
import type { Meter } from "../src/generated/Meter";
import {
  ageOf,
  counting,
  fill,
  forecast,
  meterSentence,
  pace,
  percent,
  readingAge,
  resetWords,
  severityWords,
  spendWords,
  spokenLength,
  tightest,
  updatedWords,
} from "../src/usage";
import { meter, NOW, usage, VIEW } from "./boards";

const LEFT = { ...VIEW, shows: "left" } as const;
const CLOCK = { ...VIEW, resets: "clock" } as const;

test.each([
  [0, "0 %"],
  [0.4, "<1 %"],
  [1.4, "1 %"],
  [81.6, "82 %"],
  [99.6, "99 %"],
  [100, "100 %"],
  [100.2, "101 %"],
  [112.4, "112 %"],
])("a usage of %d reads %s", (value, words) => {
  expect(percent(value)).toBe(words);
});

test.each([
  [82, "18 %"],
  [0, "100 %"],
  [99.6, "<1 %"],
  [0.4, "99 %"],
  [100, "0 %"],
  [112, "0 %"],
])("of a usage of %d there is %s left", (used, words) => {
  expect(percent(counting(used, "left"))).toBe(words);
  expect(counting(used, "used")).toBe(used);
});

test.each([
  [0, 0],
  [0.1, 2],
  [47, 47],
  [112, 100],
  [-3, 0],
])("a usage of %d fills %d percent of the bar", (value, filled) => {
  expect(fill(value)).toBe(filled);
});

describe("the pace mark", () => {
  test.each([
    ["stands in the middle half-way through the window", { resetsAt: NOW + 2.5 * HOUR }, 50],
    ["stands at the start when more than the window is left", { resetsAt: NOW + 9 * HOUR }, 0],
    ["is absent before the window has started", { resetsAt: null }, null],
    ["is absent when the length of the window is unknown", { periodMs: null }, null],
    ["is absent once the window has reset", { resetsAt: NOW - 1 }, null],
  ])("%s", (_sentence, change, mark) => {
    expect(pace(meter({ periodMs: 5 * HOUR, ...change }), NOW)).toBe(mark);
  });

  test("does not move with every second", () => {
    const week = meter({ periodMs: 7 * DAY, resetsAt: NOW + 3 * DAY });
    const marks = Array.from({ length: 60 }, (_, second) => pace(week, NOW + second * SECOND));
    expect(new Set(marks).size).toBeLessThanOrEqual(2);
  });
});

test.each([
  [{ resetsAt: null }, "not started", "not started"],
  [{ resetsAt: NOW + HOUR + 56 * MINUTE }, "1h56", dayAndTime(NOW + HOUR + 56 * MINUTE, NOW)],
  [{ resetsAt: NOW + 3 * DAY }, "3d", dayAndTime(NOW + 3 * DAY, NOW)],
  [{ resetsAt: NOW - 1 }, "has reset", "has reset"],
])("a meter with %o ends in %s, or %s by the clock", (change, left, time) => {
  expect(resetWords(meter(change), "countdown", NOW)).toBe(left);
  expect(resetWords(meter(change), "clock", NOW)).toBe(time);
});

test("a countdown ticks without a new board", () => {
  const soon = meter({ resetsAt: NOW + HOUR });
  expect([0, 1, 61].map((s) => resetWords(soon, "countdown", NOW + s * SECOND))).toEqual([
    "1h00",
    "59 min",
    "58 min",
  ]);
});

test.each([
  [50, "normal", null],
  [80, "warning", "near the limit"],
  [97, "critical", "almost used up"],
  [100, "critical", "used up"],
] as const)("a usage of %d that is %s says %j", (used, severity, words) => {
  expect(severityWords(used, severity)).toBe(words);
});

const RESET = NOW + HOUR + 56 * MINUTE;

test.each([
  [{ resetsAt: null }, VIEW, "10 %, window not started"],
  [{ resetsAt: RESET }, VIEW, "10 %, 61 % of its time gone, resets in 1 hour 56 minutes"],
  [{ resetsAt: RESET, periodMs: null }, VIEW, "10 %, resets in 1 hour 56 minutes"],
  [
    { resetsAt: RESET, percent: 82, severity: "warning" },
    VIEW,
    "82 %, near the limit, 61 % of its time gone, resets in 1 hour 56 minutes",
  ],
  [
    { resetsAt: RESET, percent: 82, severity: "warning", periodMs: null },
    LEFT,
    "18 % left, near the limit, resets in 1 hour 56 minutes",
  ],
  [{ resetsAt: RESET, periodMs: null }, CLOCK, `10 %, resets ${atTime(RESET, NOW)}`],
  [{ resetsAt: NOW - 1, percent: 97 }, VIEW, "97 % before its last reset"],
] as [Partial<Meter>, typeof VIEW, string][])(
  "a meter with %o is spoken as it is drawn",
  (change, view, words) => {
    expect(meterSentence(meter(change), view, NOW)).toBe(words);
  },
);

test.each([
  [30 * SECOND, "less than a minute"],
  [MINUTE, "1 minute"],
  [2 * HOUR, "2 hours"],
  [3 * DAY + 4 * HOUR + 9 * MINUTE, "3 days 4 hours"],
])("a length of %i ms is spoken as %s", (ms, words) => {
  expect(spokenLength(ms)).toBe(words);
});

test("the tightest meter is the one that the core names", () => {
  const [five, seven] = [meter({ percent: 90 }), meter({ label: "7-day", percent: 20 })];
  expect(tightest(usage([five, seven], { tightest: 1 }))).toBe(seven);
  expect(tightest(usage([five, seven], { tightest: 7 }))).toBeNull();
  expect(tightest(usage([], { tightest: null }))).toBeNull();
  expect(tightest(null)).toBeNull();
});

describe("the forecast of a card", () => {
  const five = (change: Partial<Meter> = {}) => meter({ resetsAt: RESET, ...change });
  const seven = (change: Partial<Meter> = {}) =>
    meter({ label: "7-day", short: "7d", periodMs: 7 * DAY, resetsAt: NOW + 2 * DAY, ...change });
  const said = (meters: Meter[], resets: "countdown" | "clock" = "countdown", now = NOW) => {
    const line = forecast(usage(meters), resets, now);
    return line === null ? null : `${line.kind}: ${line.lead}${line.rest}`;
  };
  const limit = (ms: number) => ({ kind: "limit", at: NOW + ms }) as const;

  test("is nothing while nothing is near", () => {
    expect(said([five(), seven({ outlook: { kind: "lasts" } })])).toBeNull();
    expect(said([])).toBeNull();
  });

  test("names the window that will end first", () => {
    expect(said([five({ outlook: limit(40 * MINUTE) }), seven({ outlook: limit(5 * HOUR) })])).toBe(
      `limit: 5-hour limit ${atTime(NOW + 40 * MINUTE, NOW)} at this pace`,
    );
    expect(said([five({ outlook: limit(90 * MINUTE) }), seven({ outlook: limit(HOUR) })])).toBe(
      `limit: 7-day limit ${atTime(NOW + HOUR, NOW)} at this pace`,
    );
  });

  test("says that it may be any moment when that time has come", () => {
    expect(said([five({ outlook: limit(MINUTE) })], "countdown", NOW + 2 * MINUTE)).toBe(
      "limit: 5-hour limit any moment at this pace",
    );
  });

  test("says that a window that is near its limit lasts, when it does", () => {
    const near = { percent: 91, severity: "warning" } as const;
    expect(said([five(), seven({ ...near, outlook: { kind: "lasts" } })])).toBe(
      "lasts: 7-day limit is near but lasts until the reset",
    );
  });

  test("says in words that a window is near its limit when nothing is known about its pace", () => {
    const near = { percent: 97, severity: "critical" } as const;
    expect(said([five(), seven(near)])).toBe("near: 7-day limit is near, resets in 2d");
    expect(said([five(), seven(near)], "clock")).toBe(
      `near: 7-day limit is near, resets ${atTime(NOW + 2 * DAY, NOW)}`,
    );
  });

  test("says until when a window is used up, and nothing else", () => {
    const full = { percent: 100, severity: "critical" } as const;
    expect(said([five(full), seven({ outlook: limit(HOUR) })])).toBe(
      "full: 5-hour limit reached, resets in 1h56",
    );
  });

  test("says nothing of a window that has reset since it was read", () => {
    const full = { percent: 100, severity: "critical" } as const;
    expect(said([five({ ...full, outlook: limit(MINUTE) })], "countdown", RESET)).toBeNull();
  });
});

test.each([
  ["$5.41", "$20.00", "$5.41 of $20.00"],
  ["12.05 CHF", null, "12.05 CHF"],
])("%s out of %s reads %s", (used, limit, words) => {
  expect(spendWords({ used, limit, percent: null })).toBe(words);
});

test("a reading says its age once it is older than ten minutes, or when it is asked to", () => {
  const read = (age: number) => usage([], { readAt: NOW - age });
  expect([readingAge(read(10 * MINUTE), NOW), readingAge(read(25 * MINUTE), NOW)]).toEqual([
    null,
    "read 25 min ago",
  ]);
  expect(ageOf(read(12 * SECOND), NOW)).toBe("read 12 s ago");
});

test("the board is as fresh as its newest reading", () => {
  const read = (age: number) => usage([], { readAt: NOW - age });
  expect(updatedWords([read(HOUR), null, read(12 * SECOND)], NOW)).toBe("updated 12 s ago");
  expect(updatedWords([null], NOW)).toBeNull();
});
