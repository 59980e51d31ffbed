// Which key means what in the board window. Pure: from a key press to a command; carrying it out is `Board.svelte`'s.

import type { Move } from "./order";

/** Moves the focus from card to card. */
export type Step = "next" | "previous" | "first" | "last";
export type Command = Step | Move | "close" | "refresh" | "activity" | "view" | "hide" | "swallow";

export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

const STEPS: Readonly<Record<string, Step>> = {
  ArrowDown: "next",
  ArrowUp: "previous",
  Home: "first",
  End: "last",
};

/** With Alt the card itself moves, and not the focus. */
const MOVES: Readonly<Record<string, Move>> = {
  ArrowDown: "down",
  ArrowUp: "up",
  Home: "top",
  End: "bottom",
};

/** The command that a key press gives, or null. `typing`: the focus is in a text field, where arrows move the caret. */
export function commandOf(press: Press, typing: boolean): Command | null {
  const command = press.ctrlKey || press.metaKey;
  const key = press.key.toLowerCase();
  if (press.altKey) return typing || command ? null : (MOVES[press.key] ?? null);
  if (command && press.shiftKey) return key === "h" ? "hide" : null;
  if (command && key === "r") return "refresh";
  if (command && key === "y") return "activity";
  if (command && key === "j") return "view";
  // Reloading or quitting the page would only blank the window; the tray's menu quits the app.
  if (command && key === "q") return "swallow";
  if (command) return null;
  if (press.key === "F5") return "refresh";
  if (press.key === "Escape") return "close";
  return typing ? null : (STEPS[press.key] ?? null);
}

/** The place that a step leads to in a list of `count`, from `from` (-1: nowhere). Stops at both ends. */
export function stepped(step: Step, from: number, count: number): number {
  const last = count - 1;
  switch (step) {
    case "next":
      return Math.min(last, from + 1);
    case "previous":
      return from < 0 ? last : Math.max(0, from - 1);
    case "first":
      return 0;
    case "last":
      return last;
    default:
      return step satisfies never;
  }
}

export function isStep(command: Command): command is Step {
  return Object.values(STEPS).includes(command as Step);
}

export function isMove(command: Command): command is Move {
  return Object.values(MOVES).includes(command as Move);
}
