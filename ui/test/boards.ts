// Small boards for the tests: only what a test is about has to be said.
import type { Board } from "../src/generated/Board";
import type { Card } from "../src/generated/Card";
import type { Meter } from "../src/generated/Meter";
import type { Problem } from "../src/generated/Problem";

export const NOW = 1_760_000_000_000;

export function meter(change: Partial<Meter> = {}): Meter {
  const usual: Meter = {
    label: "5-hour",
    short: "5h",
    percent: 10,
    resetsAt: NOW + 3_600_000,
    periodMs: 18_000_000,
    severity: "normal",
  };
  return { ...usual, ...change };
}

export function card(alias: string, change: Partial<Card> = {}): Card {
  return {
    id: `id-of-${alias}`,
    alias,
    email: `${alias}@example.com`,
    plan: null,
    organization: null,
    active: false,
    badge: { level: "green", reason: { kind: "checked", at: NOW } },
    usage: { readAt: NOW, meters: [meter()] },
    deadline: null,
    older: 0,
    action: "switch",
    ...change,
  };
}

/** `work` is active; `personal` and `side` are parked. */
export function board(change: Partial<Board> = {}): Board {
  return {
    rev: 1,
    now: NOW,
    cards: [card("work", { active: true, action: "none" }), card("personal"), card("side")],
    live: { kind: "known", alias: "work" },
    switching: null,
    ackedOp: 0,
    refreshing: false,
    problem: null,
    notice: null,
    watchedBy: null,
    ...change,
  };
}

/** The board after a switch to `alias`. */
export function boardWith(alias: string, change: Partial<Board> = {}): Board {
  const cards = board().cards.map((each) =>
    each.alias === alias
      ? { ...each, active: true, action: "none" as const }
      : { ...each, active: false, action: "switch" as const },
  );
  return board({ cards, live: { kind: "known", alias }, ...change });
}

export function problem(change: Partial<Problem> = {}): Problem {
  return {
    code: "provider",
    message: "Cannot switch to personal: the provider cannot be reached.",
    nextStep: { kind: "retry" },
    about: "personal",
    ...change,
  };
}
