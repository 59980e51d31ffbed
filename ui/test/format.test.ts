// The words for times, percentages, badges and names, as tables.
import { describe, expect, test } from "vitest";
import {
  ago,
  aliasFault,
  badgeWords,
  clock,
  countdown,
  DAY,
  deadlineWords,
  fill,
  HOUR,
  initials,
  length,
  meterSentence,
  MINUTE,
  pace,
  percent,
  readingAge,
  resetWords,
  SECOND,
  spokenLength,
  tileColour,
  updatedWords,
  plain,
} from "../src/format";
import type { Reason } from "../src/generated/Reason";
import { meter, NOW } from "./boards";
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
});

test.each([
  [{ resetsAt: null }, "not started", "10 %, window not started"],
  [{ resetsAt: NOW + HOUR + 56 * MINUTE, percent: 82 }, "1h56", "82 %, resets in 1 hour 56 minutes"],
  [{ resetsAt: NOW - 1, percent: 97 }, "has reset", "97 % before its last reset"],
])("a meter with %o ends in %s and is spoken as %s", (change, words, sentence) => {
  expect(resetWords(meter(change), NOW)).toBe(words);
  expect(meterSentence(meter(change), NOW)).toBe(sentence);
});

test.each([
  [30 * SECOND, "less than a minute"],
  [MINUTE, "1 minute"],
  [2 * HOUR, "2 hours"],
  [3 * DAY + 4 * HOUR + 9 * MINUTE, "3 days 4 hours"],
])("a length of %i ms is spoken as %s", (ms, words) => {
  expect(spokenLength(ms)).toBe(words);
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

test("a reading says its age once it is older than ten minutes", () => {
  const read = (age: number) => readingAge({ readAt: NOW - age, meters: [] }, NOW);
  expect([read(10 * MINUTE), read(25 * MINUTE)]).toEqual([null, "read 25 min ago"]);
});

test("the board is as fresh as its newest reading", () => {
  const read = (age: number) => ({ readAt: NOW - age, meters: [] });
  expect(updatedWords([read(HOUR), null, read(12 * SECOND)], NOW)).toBe("updated 12 s ago");
  expect(updatedWords([null], NOW)).toBeNull();
});

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
