// The measure of a click: no figure can be negative.
import { expect, test } from "vitest";
import { beginOf } from "../src/probe";

test("a click began when its event says, but never later than now", () => {
  expect(beginOf(90, 100)).toBe(90);
  expect(beginOf(118, 100)).toBe(100);
});
