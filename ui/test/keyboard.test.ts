// Which keys do what, in the list and in a text field.
import { expect, test } from "vitest";
import { commandOf, isMove, isStep, stepped, type Command, type Step } from "../src/keyboard";

const plain = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

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
  ["ArrowDown", { altKey: true }, false, "down"],
  ["ArrowUp", { altKey: true }, false, "up"],
  ["Home", { altKey: true }, false, "top"],
  ["End", { altKey: true }, false, "bottom"],
  ["ArrowUp", { altKey: true }, true, null],
  ["ArrowUp", { altKey: true, ctrlKey: true }, false, null],
  ["a", { altKey: true }, false, null],
  ["j", { metaKey: true }, false, "view"],
  ["H", { metaKey: true, shiftKey: true }, false, "hide"],
  ["H", { ctrlKey: true, shiftKey: true }, true, "hide"],
  ["h", { metaKey: true }, false, null],
  ["r", { ctrlKey: true, shiftKey: true }, false, null],
  ["a", { ctrlKey: true }, true, null],
] as const)("%s with %o (typing: %s) means %j", (key, held, typing, command) => {
  expect(commandOf({ ...plain, ...held, key }, typing)).toBe(command);
});

test.each<[Step, number, number]>([
  ["next", -1, 0],
  ["next", 1, 2],
  ["next", 2, 2],
  ["previous", -1, 2],
  ["previous", 0, 0],
  ["first", 2, 0],
  ["last", 0, 2],
])("%s from place %i among three goes to place %i", (step, from, to) => {
  expect(stepped(step, from, 3)).toBe(to);
});

test("a command moves the focus, or a card, or neither", () => {
  const commands: Command[] = ["next", "last", "up", "bottom", "close", "view"];
  expect(commands.map((each) => [isStep(each), isMove(each)])).toEqual([
    [true, false],
    [true, false],
    [false, true],
    [false, true],
    [false, false],
    [false, false],
  ]);
});
