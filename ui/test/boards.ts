// Small boards for the tests: only what a test is about has to be said.
import type { Board } from "../src/generated/Board";
import type { Card } from "../src/generated/Card";
import type { Meter } from "../src/generated/Meter";
import type { Problem } from "../src/generated/Problem";
import type { UsageView } from "../src/generated/UsageView";
import type { View } from "../src/generated/View";

export const NOW = 1_760_000_000_000;

export const VIEW: View = {
  order: "hand",
  compact: false,
  shows: "used",
  resets: "countdown",
  hides: "whileShared",
};

export function meter(change: Partial<Meter> = {}): Meter {
  const usual: Meter = {
    label: "5-hour",
    short: "5h",
    percent: 10,
    resetsAt: NOW + 3_600_000,
    periodMs: 18_000_000,
    severity: "normal",
    outlook: null,
  };
  return { ...usual, ...change };
}

/** A reading whose tightest meter is the one with the highest percentage. */
export function usage(meters: Meter[], change: Partial<UsageView> = {}): UsageView {
  const most = Math.max(...meters.map((each) => each.percent));
  const tightest = meters.length === 0 ? null : meters.findIndex((each) => each.percent === most);
  return { readAt: NOW, meters, tightest, spend: null, ...change };
}

export function card(alias: string, change: Partial<Card> = {}): Card {
  return {
    id: `id-of-${alias}`,
    alias,
    email: `${alias}@example.com`,
    setupToken: false,
    plan: null,
    organization: null,
    active: false,
    badge: { level: "green", reason: { kind: "checked", at: NOW } },
    usage: usage([meter()]),
    deadline: null,
    older: 0,
    bootstrap: null,
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
    signingIn: null,
    ackedOp: 0,
    refreshing: false,
    problem: null,
    notice: null,
    watchedBy: null,
    view: VIEW,
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
