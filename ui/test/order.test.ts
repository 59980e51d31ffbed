// Moving a card: the gap it is put into, by pointer and by key.
import { expect, test } from "vitest";
import { gapAt, gapOf, inOrder, movedInto, type Move } from "../src/order";

const LIST = ["a", "b", "c", "d"];

test.each([
  ["a", 0, "abcd"],
  ["a", 1, "abcd"],
  ["a", 2, "bacd"],
  ["a", 4, "bcda"],
  ["c", 0, "cabd"],
  ["c", 2, "abcd"],
  ["c", 3, "abcd"],
  ["d", 1, "adbc"],
  ["ghost", 1, "abcd"],
])("%s put into gap %i makes %s", (alias, gap, list) => {
  expect(movedInto(LIST, alias, gap).join("")).toBe(list);
});

test("a card that stays where it is leaves the very same list", () => {
  expect(movedInto(LIST, "b", 1)).toBe(LIST);
});

test.each<[Move, string, string]>([
  ["up", "c", "acbd"],
  ["up", "a", "abcd"],
  ["down", "b", "acbd"],
  ["down", "d", "abcd"],
  ["top", "d", "dabc"],
  ["bottom", "a", "bcda"],
])("the key for %s on %s makes %s", (move, alias, list) => {
  const gap = gapOf(move, LIST.indexOf(alias), LIST.length);
  expect(movedInto(LIST, alias, gap).join("")).toBe(list);
});

test.each([
  [-50, 0],
  [19, 0],
  [20, 1],
  [75, 2],
  [500, 3],
])("a pointer at %i is nearest to gap %i", (y, gap) => {
  expect(gapAt([20, 70, 120], y)).toBe(gap);
});

test("what an order does not name keeps its place behind what it does", () => {
  const items = ["new", "a", "b", "newer"].map((alias) => ({ alias }));
  expect(inOrder(items, ["b", "gone", "a"]).map((each) => each.alias)).toEqual(["b", "a", "new", "newer"]);
});
