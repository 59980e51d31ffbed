// What the board window knows, and what it therefore shows: two pure functions over the boards that arrive and the
// clicks that are still unanswered. Owns no truth: `confirmed` is only ever replaced by a newer board, never edited.
// Deliberately not here: talking to the backend (`controls.svelte.ts`), time and words (`format.ts`, `copy.ts`).
import type { Alias } from "./generated/Alias";
import type { Board } from "./generated/Board";
import type { Card } from "./generated/Card";
import type { Problem } from "./generated/Problem";
import type { View } from "./generated/View";
import { inOrder } from "./order";
import { tightest } from "./usage";

/** A switch that was asked for in this window and has not been acknowledged yet. */
export interface Intent {
  readonly op: number;
  readonly alias: Alias;
}

/** A choice that was made in this window and is drawn before a board carries it. */
export interface Wish<T> {
  readonly value: T;
  /** Tells the answers to two wishes apart. */
  readonly turn: number;
  /** Its command has returned, so the next board says what became of it. */
  readonly answered: boolean;
}

export interface State {
  /** The newest board that arrived; null until the first one. */
  readonly confirmed: Board | null;
  /** Unanswered switches, oldest first. */
  readonly pending: readonly Intent[];
  readonly wishedView: Wish<View> | null;
  readonly wishedOrder: Wish<readonly Alias[]> | null;
  /** What a command of this window was refused with. The board's own problem is `confirmed.problem`. */
  readonly refusal: Problem | null;
  /** The board's problem that the person closed; it stays closed while the board still carries it. */
  readonly dismissed: Problem | null;
  /** The switch that ended without its profile becoming active: what "Try again" does again. */
  readonly failed: Alias | null;
  /** Refresh was pressed, and its command has not returned. */
  readonly refreshAsked: boolean;
}

export type Action =
  | { readonly kind: "boardArrived"; readonly board: Board }
  | { readonly kind: "switchAsked"; readonly op: number; readonly alias: Alias }
  | { readonly kind: "switchRefused"; readonly op: number; readonly problem: Problem }
  | { readonly kind: "viewWished"; readonly turn: number; readonly view: View }
  | { readonly kind: "orderWished"; readonly turn: number; readonly aliases: readonly Alias[] }
  | { readonly kind: "wishAnswered"; readonly turn: number }
  | { readonly kind: "wishRefused"; readonly turn: number; readonly problem: Problem }
  | { readonly kind: "commandRefused"; readonly problem: Problem }
  | { readonly kind: "commandDone" }
  | { readonly kind: "problemDismissed" }
  | { readonly kind: "refreshAsked" }
  | { readonly kind: "refreshReturned" };

export const initialState: State = {
  confirmed: null,
  pending: [],
  wishedView: null,
  wishedOrder: null,
  refusal: null,
  dismissed: null,
  failed: null,
  refreshAsked: false,
};

/** The state after `action`. Pure: the state that is passed in stays as it was. */
export function reduce(state: State, action: Action): State {
  switch (action.kind) {
    case "boardArrived":
      return withBoard(state, action.board);
    case "switchAsked":
      return {
        ...state,
        pending: [...state.pending, { op: action.op, alias: action.alias }],
        refusal: null,
        dismissed: state.confirmed?.problem ?? null,
        failed: null,
      };
    case "switchRefused":
      return {
        ...state,
        pending: state.pending.filter((intent) => intent.op !== action.op),
        refusal: action.problem,
        failed: state.pending.find((intent) => intent.op === action.op)?.alias ?? null,
      };
    case "viewWished":
      return { ...state, wishedView: { value: action.view, turn: action.turn, answered: false } };
    case "orderWished":
      return { ...state, wishedOrder: { value: action.aliases, turn: action.turn, answered: false } };
    case "wishAnswered":
      return {
        ...state,
        wishedView: answered(state.wishedView, action.turn),
        wishedOrder: answered(state.wishedOrder, action.turn),
      };
    case "wishRefused":
      return {
        ...state,
        wishedView: state.wishedView?.turn === action.turn ? null : state.wishedView,
        wishedOrder: state.wishedOrder?.turn === action.turn ? null : state.wishedOrder,
        refusal: action.problem,
        failed: null,
      };
    case "commandRefused":
      return { ...state, refusal: action.problem, failed: null };
    case "commandDone":
      return { ...state, refusal: null };
    case "problemDismissed":
      return { ...state, refusal: null, dismissed: state.confirmed?.problem ?? null, failed: null };
    case "refreshAsked":
      return { ...state, refusal: null, refreshAsked: true };
    case "refreshReturned":
      return { ...state, refreshAsked: false };
    default:
      return action satisfies never;
  }
}

function answered<T>(wish: Wish<T> | null, turn: number): Wish<T> | null {
  return wish?.turn === turn ? { ...wish, answered: true } : wish;
}

/** The wish while it is still to be drawn over the boards that arrive: until one grants it, or follows its answer. */
function ungranted<T>(wish: Wish<T> | null, granted: (value: T) => boolean): Wish<T> | null {
  return wish === null || wish.answered || granted(wish.value) ? null : wish;
}

/** Whether two views draw the same. */
export function sameView(a: View, b: View): boolean {
  return (Object.keys(a) as (keyof View)[]).every((choice) => a[choice] === b[choice]);
}

function withBoard(state: State, board: Board): State {
  if (state.confirmed !== null && board.rev <= state.confirmed.rev) return state;
  const ended = state.pending.filter((intent) => intent.op <= board.ackedOp);
  const last = ended.at(-1);
  const landed = last !== undefined && board.cards.some((card) => card.alias === last.alias && isLive(card));
  return {
    ...state,
    confirmed: board,
    pending: state.pending.filter((intent) => intent.op > board.ackedOp),
    wishedView: ungranted(state.wishedView, (view) => sameView(view, board.view)),
    wishedOrder: ungranted(state.wishedOrder, (aliases) =>
      board.cards.every((card, place) => card.alias === aliases[place]),
    ),
    // The engine publishes what it refuses as well; one strip is enough for one problem.
    refusal: sameProblem(state.refusal, board.problem) ? null : state.refusal,
    // A failure that follows a new attempt is news, even when it reads the same as the one before.
    dismissed: last === undefined && sameProblem(state.dismissed, board.problem) ? state.dismissed : null,
    failed: failedAfter(state, board, last, landed),
  };
}

/** An active profile that still has something to press is not the live one: another account is, or none. */
export function isLive(card: Card): boolean {
  return card.active && card.action === "none";
}

function failedAfter(state: State, board: Board, ended: Intent | undefined, landed: boolean): Alias | null {
  if (ended !== undefined) return landed ? null : ended.alias;
  return board.problem === null && state.refusal === null ? null : state.failed;
}

function sameProblem(a: Problem | null, b: Problem | null): boolean {
  return a !== null && b !== null && JSON.stringify(a) === JSON.stringify(b);
}

/**
 * How a card is drawn. `switching`: it is becoming the active one. `stranded`: it is the active one, but another login is
 * live, or none.
 */
export type CardState = "active" | "stranded" | "parked" | "switching";

export interface CardView {
  readonly card: Card;
  readonly state: CardState;
  /** `newToken`: nothing to press, but two commands to copy. */
  readonly button: Card["action"];
  /** No other switch can begin while one runs. */
  readonly enabled: boolean;
  /** The profile that a person most likely wants next; its button has the accent colour. */
  readonly recommended: boolean;
}

export interface Drawn {
  readonly cards: readonly CardView[];
  /** The profile that is becoming active. */
  readonly target: Alias | null;
  /** The profile whose login is live, as far as the last board knows. */
  readonly live: Alias | null;
}

const PLAIN: View = {
  order: "hand",
  compact: false,
  shows: "used",
  resets: "countdown",
  hides: "whileShared",
};

/** How to draw: what the person chose last. */
export function viewOf({ confirmed, wishedView }: State): View {
  return wishedView?.value ?? confirmed?.view ?? PLAIN;
}

/**
 * What to draw: the last board, with the unanswered clicks and the order that was made by hand laid over it. Every card
 * keeps its own reading.
 */
export function derive(
  confirmed: Board | null,
  pending: readonly Intent[],
  order: readonly Alias[] | null = null,
): Drawn {
  if (confirmed === null) return { cards: [], target: null, live: null };
  const target = targetOf(confirmed, pending);
  const recommended = recommendedOf(confirmed.cards);
  const cards = order === null ? confirmed.cards : inOrder(confirmed.cards, order);
  return {
    target,
    live: confirmed.cards.find(isLive)?.alias ?? null,
    cards: cards.map((card) => ({
      card,
      state: cardState(card, target),
      button: buttonOf(card, target),
      enabled: target === null,
      recommended: card.alias === recommended,
    })),
  };
}

/** The newest click wins over what the engine is still doing. An alias that is gone is no target. */
function targetOf(confirmed: Board, pending: readonly Intent[]): Alias | null {
  const wanted = pending.at(-1)?.alias ?? confirmed.switching?.alias;
  return confirmed.cards.find((card) => card.alias === wanted)?.alias ?? null;
}

function cardState(card: Card, target: Alias | null): CardState {
  if (target === null && card.active) return isLive(card) ? "active" : "stranded";
  return card.alias === target ? "switching" : "parked";
}

function buttonOf(card: Card, target: Alias | null): CardView["button"] {
  return card.alias === target ? "none" : card.action;
}

/** The first parked profile that has room left; the first parked one at all when none has. */
function recommendedOf(cards: readonly Card[]): Alias | null {
  const parked = cards.filter((card) => card.action === "switch" && !card.active);
  const roomy = parked.find((card) => tightest(card.usage)?.severity !== "critical");
  return (roomy ?? parked[0])?.alias ?? null;
}

/** The number for the next switch: above all that this board has seen, so that an old answer cannot acknowledge it. */
export function nextOp(state: State): number {
  const { confirmed, pending } = state;
  const seen = [
    confirmed?.ackedOp ?? 0,
    confirmed?.switching?.op ?? 0,
    ...pending.map((intent) => intent.op),
  ];
  return Math.max(...seen) + 1;
}

/** The one problem that the strip shows. A refusal of this window is the newer news. */
export function visibleProblem(state: State): Problem | null {
  if (state.refusal !== null) return state.refusal;
  const problem = state.confirmed?.problem ?? null;
  return sameProblem(problem, state.dismissed) ? null : problem;
}
