// Which keys do what, in the list and in a text field.
import { expect, test } from "vitest";
import { moved, orderOf, type Order } from "../src/keyboard";

const plain = { ctrlKey: false, metaKey: false, altKey: false };

test.each([
  ["ArrowDown", {}, false, "next"],
  ["ArrowUp", {}, false, "previous"],
  ["Home", {}, false, "first"],
  ["End", {}, false, "last"],
  ["ArrowDown", {}, true, null],
  ["Home", {}, true, null],
  ["Escape", {}, true, "close"],
  ["r", { ctrlKey: true }, false, "refresh"],
  ["R", { metaKey: true }, true, "refresh"],
  ["F5", {}, false, "refresh"],
  ["y", { metaKey: true }, false, "activity"],
  ["y", {}, false, null],
  ["q", { metaKey: true }, false, "swallow"],
  ["q", { ctrlKey: true }, false, "swallow"],
  ["r", {}, false, null],
  ["ArrowDown", { altKey: true }, false, null],
  ["a", { ctrlKey: true }, true, null],
] as const)("%s with %o (typing: %s) means %j", (key, held, typing, order) => {
  expect(orderOf({ ...plain, ...held, key }, typing)).toBe(order);
});

test.each<[Order, number, number]>([
  ["next", -1, 0],
  ["next", 1, 2],
  ["next", 2, 2],
  ["previous", -1, 2],
  ["previous", 0, 0],
  ["first", 2, 0],
  ["last", 0, 2],
])("%s from place %i among three goes to place %i", (order, from, to) => {
  expect(moved(order, from, 3)).toBe(to);
});
