// What the wizard knows, and which page that makes. Pure: the present is an argument, and nothing here asks or remembers.
// The steps of a sign-in are the core's; this file only puts them in an order that a person can follow.
import type { Alias } from "../generated/Alias";
import type { Board } from "../generated/Board";
import type { Card } from "../generated/Card";
import type { Found } from "../generated/Found";
import type { Problem } from "../generated/Problem";
import type { Timestamp } from "../generated/Timestamp";
import type { Way } from "../generated/Way";
import type { Kept, Means, UnderWay, Wanted } from "./backend";

/** The steps of the rail, in their order. */
export const STAGES = ["plan", "backup", "signIn", "confirm", "done"] as const;
export type Stage = (typeof STAGES)[number];

/** What is being done at the moment because somebody pressed a button. */
export type Busy = "begin" | "check" | "keep" | "again" | "cancel" | "answer" | "open";

/** A sign-in that ended without a new login. */
export interface Over {
  readonly alias: Alias;
  readonly way: Way;
  readonly why: "cancelled" | "timeUp" | "elsewhere";
}

/** A switch to a profile that was just renewed. */
export interface Switch {
  readonly op: number;
  readonly refused: Problem | null;
}

export interface Situation {
  readonly board: Board | null;
  readonly means: Means | null;
  readonly wanted: Wanted | null;
  /** Whether it was ever looked whether a sign-in is under way. */
  readonly looked: boolean;
  readonly underWay: UnderWay | null;
  readonly found: Found | null;
  readonly kept: Kept | null;
  readonly over: Over | null;
  readonly busy: Busy | null;
  /** What the last press was refused with. */
  readonly problem: Problem | null;
  readonly switched: Switch | null;
  /** Profiles that were dealt with in this queue, one way or the other, also in a window before this one. */
  readonly passed: readonly Alias[];
}

export const INITIAL: Situation = {
  board: null,
  means: null,
  wanted: null,
  looked: false,
  underWay: null,
  found: null,
  kept: null,
  over: null,
  busy: null,
  problem: null,
  switched: null,
  passed: [],
};

export type Page =
  | { readonly kind: "loading" }
  /** Before anything began. `cards`: whose login is to be renewed, the first one first; none: a new profile. */
  | { readonly kind: "plan"; readonly cards: readonly Card[] }
  | { readonly kind: "beginning" }
  | { readonly kind: "starting"; readonly underWay: UnderWay }
  | { readonly kind: "browser"; readonly underWay: UnderWay; readonly page: string }
  | { readonly kind: "terminal"; readonly underWay: UnderWay }
  | { readonly kind: "failed"; readonly underWay: UnderWay; readonly said: string | null }
  | { readonly kind: "checking"; readonly underWay: UnderWay }
  | { readonly kind: "confirm"; readonly underWay: UnderWay; readonly found: Found }
  | { readonly kind: "wrong"; readonly underWay: UnderWay; readonly found: Found }
  | { readonly kind: "done"; readonly kept: Kept }
  | { readonly kind: "over"; readonly over: Over };

/** The page that a situation makes. */
export function pageOf(situation: Situation): Page {
  const { kept, over, underWay, found, busy, board, wanted, looked } = situation;
  if (kept !== null) return { kind: "done", kept };
  if (underWay !== null) {
    const { step } = underWay;
    switch (step.kind) {
      case "starting":
        return { kind: "starting", underWay };
      case "browser":
        return { kind: "browser", underWay, page: step.page };
      case "terminal":
        return { kind: "terminal", underWay };
      case "failed":
        return { kind: "failed", underWay, said: step.said };
      case "signedIn":
        if (found === null) return { kind: "checking", underWay };
        return { kind: found.fits.kind === "yes" ? "confirm" : "wrong", underWay, found };
      default:
        return step satisfies never;
    }
  }
  if (over !== null) return { kind: "over", over };
  if (busy === "begin") return { kind: "beginning" };
  if (board === null || wanted === null || !looked) return { kind: "loading" };
  return { kind: "plan", cards: planned(situation) };
}

/** Where a page stands on the rail. */
export function stageOf(page: Page): Stage {
  switch (page.kind) {
    case "loading":
    case "plan":
    case "over":
      return "plan";
    case "beginning":
      return "backup";
    case "starting":
    case "browser":
    case "terminal":
    case "failed":
      return "signIn";
    case "checking":
    case "confirm":
    case "wrong":
      return "confirm";
    case "done":
      return "done";
    default:
      return page satisfies never;
  }
}

/** Whether closing would leave something open that can be given up. */
export function isOpen(page: Page): boolean {
  return "underWay" in page;
}

/** Whether nothing but a person brings it back. */
function needsPerson({ action, bootstrap }: Card): boolean {
  return bootstrap === null ? action === "signIn" : bootstrap.kind === "stalled";
}

/** The profiles that need a person, in the board's order, without those that were dealt with. */
export function due({ board, passed }: Situation): readonly Card[] {
  const cards = board?.cards ?? [];
  return cards.filter((card) => needsPerson(card) && !passed.includes(card.alias));
}

function planned(situation: Situation): readonly Card[] {
  const { board, wanted } = situation;
  if (wanted?.due === true) return due(situation);
  const asked = board?.cards.find((card) => card.alias === wanted?.alias);
  return asked === undefined ? [] : [asked];
}

/** The profile whose turn it is after this one, where several are due. */
export function nextDue(situation: Situation): Card | null {
  return due(situation)[0] ?? null;
}

/** Whether nobody is left in the queue. */
const isAtItsEnd = (situation: Situation): boolean =>
  situation.board !== null && situation.underWay === null && due(situation).length === 0;

/** What a window that is opened later has to know of the queue: once it is at its end, nothing. */
export function remembered(situation: Situation): readonly Alias[] {
  return isAtItsEnd(situation) ? [] : situation.passed;
}

/** A first page begins a new queue where nobody is left in the old one: whoever was skipped there is due here. */
export function settled(situation: Situation): Situation {
  const { kept, over } = situation;
  return kept === null && over === null ? { ...situation, passed: remembered(situation) } : situation;
}

/** Takes in what a look found. A sign-in that is gone without our doing has run out of time, or was ended by somebody else. */
export function looked(situation: Situation, underWay: UnderWay | null, now: Timestamp): Situation {
  const before = situation.underWay;
  const next = { ...situation, looked: true, underWay };
  if (underWay === null) {
    if (before === null) return next;
    const why = before.step.kind !== "signedIn" && now >= before.until ? "timeUp" : "elsewhere";
    return over(next, { alias: before.alias, way: before.way, why });
  }
  const same = before !== null && before.begunAt === underWay.begunAt && before.alias === underWay.alias;
  // A new attempt: what the last one came to is not true of it.
  if (!same) return { ...next, found: null, over: null, kept: null, problem: null, switched: null };
  if (before.step.kind !== underWay.step.kind) return { ...next, problem: null };
  return next;
}

/** A sign-in ended without a login. */
export function over(situation: Situation, how: Over): Situation {
  const passed = [...new Set([...situation.passed, how.alias])];
  return { ...situation, underWay: null, found: null, problem: null, over: how, passed };
}

/** A sign-in was confirmed. `asked`: the profile that it was begun for, which may be another one. */
export function done(situation: Situation, kept: Kept): Situation {
  const asked = situation.underWay?.alias ?? kept.alias;
  const passed = [...new Set([...situation.passed, asked, kept.alias])];
  return {
    ...situation,
    underWay: null,
    found: null,
    problem: null,
    over: null,
    kept,
    passed,
    switched: null,
  };
}

/** Back to the first page, for what is wanted now. */
export function anew(situation: Situation, wanted: Wanted): Situation {
  const { board, means, looked: hasLooked, passed, underWay } = situation;
  const again = wanted.alias === null ? passed : passed.filter((alias) => alias !== wanted.alias);
  return { ...INITIAL, board, means, looked: hasLooked, underWay, wanted, passed: again };
}

/** How a switch that was asked for on the last page is going. */
export function switchState(situation: Situation): "none" | "switching" | "landed" | Problem {
  const { switched, board, kept } = situation;
  if (switched === null || kept === null) return "none";
  if (switched.refused !== null) return switched.refused;
  if (board === null || board.ackedOp < switched.op) return "switching";
  const landed = board.cards.some((card) => card.active && card.alias === kept.alias);
  if (landed) return "landed";
  return board.problem ?? "none";
}

/** An operation number that no face has used yet, as far as this window knows. */
export function nextOp({ board, switched }: Situation): number {
  return Math.max(board?.ackedOp ?? 0, board?.switching?.op ?? 0, switched?.op ?? 0) + 1;
}
