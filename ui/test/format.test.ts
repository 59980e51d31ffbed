// The words for times, percentages, badges and names, as tables.
import { expect, test } from "vitest";
import {
  ago,
  aliasFault,
  atTime,
  badgeWords,
  clock,
  countdown,
  DAY,
  dayAndTime,
  deadlineWords,
  HOUR,
  initials,
  length,
  MINUTE,
  SECOND,
  standingWords,
  tileColour,
  timeOfDay,
  plain,
  whose,
} from "../src/format";
import type { Bootstrap } from "../src/generated/Bootstrap";
import type { Reason } from "../src/generated/Reason";
import { NOW } from "./boards";
import shared from "./words.json";

test.each([
  [0, "0 s"],
  [59 * SECOND + 999, "59 s"],
  [MINUTE, "1 min"],
  [HOUR - 1, "59 min"],
  [HOUR, "1 h"],
  [DAY - 1, "23 h"],
  [DAY, "1 day"],
  [21 * DAY + 23 * HOUR, "21 days"],
  [-5, "0 s"],
])("a length of %i ms reads %s", (ms, words) => {
  expect(length(ms)).toBe(words);
});

test.each([
  [0, "just now"],
  [12 * SECOND, "12 s ago"],
  [4 * MINUTE, "4 min ago"],
  [2 * DAY, "2 days ago"],
  [-HOUR, "just now"],
])("what happened %i ms ago reads %s", (age, words) => {
  expect(ago(NOW - age, NOW)).toBe(words);
});

test.each([
  [0, null],
  [-1, null],
  [1, "<1 min"],
  [42 * MINUTE + 59 * SECOND, "42 min"],
  [HOUR, "1h00"],
  [HOUR + 56 * MINUTE, "1h56"],
  [23 * HOUR + 5 * MINUTE, "23h05"],
  [DAY, "1d"],
  [3 * DAY + 4 * HOUR + 59 * MINUTE, "3d 4h"],
])("a window that resets in %i ms counts down as %s", (left, words) => {
  expect(countdown(NOW + left, NOW)).toBe(words);
});

test.each([
  [42 * SECOND, "0:42"],
  [41_001, "0:42"],
  [12 * MINUTE + 5 * SECOND, "12:05"],
  [HOUR + 2 * MINUTE + 5 * SECOND, "1:02:05"],
  [-SECOND, "0:00"],
])("a wait of %i ms stands on the button as %s", (left, words) => {
  expect(clock(NOW + left, NOW)).toBe(words);
});

const noon = new Date(2026, 2, 12, 12, 0).getTime();
const clockOf = (day: number, hour: number) => new Date(2026, 2, day, hour, 20).getTime();

test.each([
  [clockOf(12, 14), timeOfDay(clockOf(12, 14)), `at ${timeOfDay(clockOf(12, 14))}`],
  [clockOf(12, 9), timeOfDay(clockOf(12, 9)), `at ${timeOfDay(clockOf(12, 9))}`],
  [clockOf(13, 9), `Fri ${timeOfDay(clockOf(13, 9))}`, `Fri ${timeOfDay(clockOf(13, 9))}`],
  [clockOf(17, 9), `Tue ${timeOfDay(clockOf(17, 9))}`, `Tue ${timeOfDay(clockOf(17, 9))}`],
  [clockOf(19, 14), "19 Mar", "19 Mar"],
])("the moment %i is told in a column and in a sentence", (at, column, sentence) => {
  expect([dayAndTime(at, noon), atTime(at, noon)]).toEqual([column, sentence]);
});

test("a time of day has hours and minutes", () => {
  expect(timeOfDay(clockOf(12, 14))).toMatch(/^(14|2):20( PM)?$/);
});

test.each<[Reason, string]>([
  [{ kind: "synced", at: NOW - 12 * SECOND }, "synced 12 s ago"],
  [{ kind: "checked", at: NOW - 4 * MINUTE }, "checked 4 min ago"],
  [{ kind: "deadlineNear", at: NOW + 3 * DAY + HOUR, assumed: false }, "login ends in 3 days"],
  [{ kind: "deadlineNear", at: NOW - 1, assumed: false }, "login has ended"],
  [{ kind: "deadlineNear", at: NOW + DAY + HOUR, assumed: true }, "login ends in about 1 day (assumed)"],
  [{ kind: "unconfirmed" }, "not confirmed"],
  [{ kind: "signedOut" }, "signed out of Claude Code"],
  [{ kind: "drifted" }, "another account is live"],
  [{ kind: "loginNeeded" }, "login needed"],
  [{ kind: "cannotRenew" }, "cannot renew itself"],
  [{ kind: "neverChecked" }, "never checked"],
  [{ kind: "unreadable" }, "saved login unreadable"],
])("the badge of %o reads %s", (reason, words) => {
  expect(badgeWords(reason, NOW)).toBe(words);
});

test.each([
  ["m@example.org", false, "m@example.org"],
  ["m@example.org", true, "unverified: m@example.org"],
  ["", true, "setup-token"],
])("whose %j is (a setup-token: %s) reads %s", (email, setupToken, words) => {
  expect(whose({ email, setupToken })).toBe(words);
});

test("the words of a badge age without a new board", () => {
  const reason: Reason = { kind: "synced", at: NOW };
  expect([5, 61].map((seconds) => badgeWords(reason, NOW + seconds * SECOND))).toEqual([
    "synced 5 s ago",
    "synced 1 min ago",
  ]);
});

// The core reads the same file in `tests/it/words.rs`: one table, so that tray, command line and board say the same.
test.each(shared.deadlines)("a deadline in $leftMs ms (assumed: $assumed) reads $words", (each) => {
  expect(deadlineWords({ at: NOW + each.leftMs, assumed: each.assumed }, NOW)).toBe(each.words);
});

test.each(shared.standings)(
  "ended: $ended, bootstrap: $bootstrap reads $words",
  ({ ended, bootstrap, words }) => {
    const reason: Reason = ended
      ? { kind: "loginNeeded" }
      : { kind: "deadlineNear", at: NOW + DAY, assumed: false };
    const by: Record<string, Bootstrap> = {
      due: { kind: "due" },
      ready: { kind: "ready" },
      stalled: { kind: "stalled", since: NOW },
    };
    const card = { badge: { level: "red" as const, reason }, bootstrap: by[bootstrap ?? ""] ?? null };
    expect(standingWords(card, NOW)).toBe(words);
  },
);

test.each([
  ["work", "WO"],
  ["side-project", "SI"],
  ["a", "A"],
  ["x.y", "XY"],
  ["client-02", "C2"],
  ["k8", "K8"],
])("the tile of %s says %s", (alias, letters) => {
  expect(initials(alias)).toBe(letters);
});

test("the colour of a tile depends on the alias alone, and differs among the usual names", () => {
  const names = ["work", "personal", "side"];
  expect(new Set(names.map(tileColour)).size).toBe(names.length);
  expect(tileColour("work")).toBe(tileColour("work"));
});

test.each([
  ["work", null],
  ["a", null],
  ["9.lives_and-more", null],
  ["x".repeat(32), null],
  ["x".repeat(33), "Use at most 32 characters."],
  ["", "Type a name."],
  ["-x", "Begin with a letter or a digit."],
  ["../etc", "Begin with a letter or a digit."],
  ["a/b", "Use only letters, digits, “.”, “_” and “-”."],
  ["münchen", "Use only letters, digits, “.”, “_” and “-”."],
  ["two words", "Use only letters, digits, “.”, “_” and “-”."],
  ["Personal", "“personal” is a profile already."],
])("the name %j gets the answer %j", (alias, fault) => {
  expect(aliasFault(alias, ["personal"])).toBe(fault);
});

test("sentences lose the backticks that are meant for terminals", () => {
  expect(plain("the login of `work` has ended")).toBe("the login of work has ended");
});
