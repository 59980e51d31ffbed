// What components hold on to: the view to draw and the things a person can do. Joins the pure store to the backend and
// owns the little that belongs to this window alone (which panel is open). No truth lives here: closing the window
// loses nothing. Deliberately not here: what a state means on screen (`store.ts`) and how it looks (`components/`).
import { asProblem, type Backend } from "./backend";
import { Clock } from "./clock.svelte";
import { spoken } from "./copy";
import type { Alias } from "./generated/Alias";
import type { Board } from "./generated/Board";
import type { Card } from "./generated/Card";
import type { Line } from "./generated/Line";
import type { Problem } from "./generated/Problem";
import { measureClick } from "./probe";
import { derive, initialState, nextOp, reduce, visibleProblem, type Action, type State } from "./store";

/** A panel under one card. */
export interface CardPanel {
  readonly kind: "menu" | "rename" | "remove" | "signIn" | "undo";
  readonly alias: Alias;
}

/** The one panel that is open: under a card, under the list, or in its place. */
export type Panel = CardPanel | { readonly kind: "add" | "activity" };

export class Controls {
  readonly clock = new Clock();
  readonly #backend: Backend;
  #state = $state.raw<State>(initialState);
  readonly #view = $derived(derive(this.#state.confirmed, this.#state.pending));

  /** The panel that is open, if any. */
  panel = $state.raw<Panel | null>(null);
  /** What happened lately, newest first; null until it was read. */
  lines = $state.raw<readonly Line[] | null>(null);
  /** The last sentence for people who listen. */
  announcement = $state("");

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get board(): Board | null {
    return this.#state.confirmed;
  }

  get view() {
    return this.#view;
  }

  get problem(): Problem | null {
    return visibleProblem(this.#state);
  }

  /** What the last switch did, for as long as the engine calls it news. */
  get notice(): string | null {
    return this.#view.target === null ? (this.#state.confirmed?.notice ?? null) : null;
  }

  /** The profile that "Try again" would switch to. */
  get failed(): Alias | null {
    return this.#state.failed;
  }

  get refreshing(): boolean {
    return this.#state.refreshAsked || this.#state.confirmed?.refreshing === true;
  }

  /** Follows the backend's boards and the clock; the returned function lets go of both. */
  start(): () => void {
    const stopClock = this.clock.start();
    const stopBoards = this.#backend.onBoard((board) => this.#arrived(board));
    const stopWishes = this.#backend.onSignInWanted(() => this.#showSignIn());
    this.#backend.board().then((board) => {
      this.#arrived(board);
      this.#showSignIn();
    }, this.#refused);
    return () => {
      stopWishes();
      stopBoards();
      stopClock();
    };
  }

  /** Asks for a switch. `since` is the time stamp of the click or key press. Nothing happens while one runs. */
  switchTo(alias: Alias, since: number): void {
    const view = this.#view.cards.find((each) => each.card.alias === alias);
    if (view?.enabled !== true || view.button !== "switch") return;
    const op = nextOp(this.#state);
    this.#dispatch({ kind: "switchAsked", op, alias });
    measureClick(alias, since);
    this.panel = null;
    this.announcement = spoken.switchingTo(alias);
    this.#backend
      .useProfile(op, alias)
      .catch((refusal: unknown) =>
        this.#dispatch({ kind: "switchRefused", op, problem: asProblem(refusal) }),
      );
  }

  refresh(): void {
    if (this.refreshing) return;
    this.#dispatch({ kind: "refreshAsked" });
    this.#backend
      .refresh()
      .catch(this.#refused)
      .finally(() => this.#dispatch({ kind: "refreshReturned" }));
  }

  /** Does again what the visible problem came from. Without a failed switch that is reading everything anew. */
  tryAgain(since: number): void {
    const { failed } = this.#state;
    if (failed === null) {
      this.dismissProblem();
      this.refresh();
    } else {
      this.switchTo(failed, since);
    }
  }

  dismissProblem(): void {
    const ofBoard = (this.#state.confirmed?.problem ?? null) !== null;
    this.#dispatch({ kind: "problemDismissed" });
    if (ofBoard) this.#backend.dismissProblem().catch(this.#refused);
  }

  /** Registers the live login. Returns the question that has to be answered with yes first, if there is one. */
  async add(alias: Alias, force: boolean): Promise<Problem | null> {
    try {
      await this.#backend.addProfile(alias, force);
      this.#done();
      return null;
    } catch (refusal) {
      const problem = asProblem(refusal);
      if (problem.code === "confirmation") return problem;
      this.#dispatch({ kind: "commandRefused", problem });
      return null;
    }
  }

  async rename(from: Alias, to: Alias): Promise<void> {
    await this.#backend.renameProfile(from, to).then(this.#done, this.#refused);
  }

  async remove(alias: Alias): Promise<void> {
    await this.#backend.removeProfile(alias).then(this.#done, this.#refused);
  }

  async undo(alias: Alias): Promise<void> {
    await this.#backend.undo(alias).then(this.#done, this.#refused);
  }

  /** Shows what happened lately, or goes back to the cards. */
  toggleActivity(): void {
    this.togglePanel({ kind: "activity" });
    if (this.panel?.kind === "activity") this.#readActivity();
    else this.lines = null;
  }

  /** Opens a panel, or closes it when it is open already. */
  togglePanel(panel: Panel): void {
    this.panel = this.isOpen(panel) ? null : panel;
  }

  closePanel(): void {
    this.panel = null;
    this.lines = null;
  }

  isOpen(panel: Panel): boolean {
    return JSON.stringify(this.panel) === JSON.stringify(panel);
  }

  close(): void {
    this.#backend.closeBoard().catch(this.#refused);
  }

  fitHeight(px: number): void {
    // A window manager may refuse a size. The page scrolls then, and there is nothing for a person to do.
    this.#backend.fitHeight(px).catch(() => undefined);
  }

  #arrived(board: Board): void {
    const before = this.#view.live;
    const old = this.#state.confirmed;
    this.clock.touch();
    this.#dispatch({ kind: "boardArrived", board });
    const after = this.#view.live;
    if (old !== null && after !== null && after !== before) this.announcement = spoken.switchedTo(after);
    this.#forgetLostPanel(board);
    if (this.panel?.kind === "activity") this.#readActivity();
  }

  #readActivity(): void {
    this.#backend.recentActivity().then((lines) => (this.lines = lines), this.#refused);
  }

  /** A notification was clicked whose button says "Sign in". */
  #showSignIn(): void {
    this.#backend.signInWanted().then((alias) => {
      const there = this.#state.confirmed?.cards.some((card) => card.alias === alias) === true;
      if (alias !== null && there) this.panel = { kind: "signIn", alias };
    }, this.#refused);
  }

  /** A panel under a card that is gone, or that needs no sign-in any more, has nothing left to say. */
  #forgetLostPanel(board: Board): void {
    const panel = this.panel;
    if (panel === null || !("alias" in panel)) return;
    const card = board.cards.find((each) => each.alias === panel.alias);
    const served = panel.kind === "signIn" && !wantsSignIn(card);
    if (card === undefined || served) this.panel = null;
  }

  #done = (): void => {
    this.#dispatch({ kind: "commandDone" });
    this.closePanel();
  };

  #refused = (refusal: unknown): void => {
    this.#dispatch({ kind: "commandRefused", problem: asProblem(refusal) });
  };

  #dispatch(action: Action): void {
    this.#state = reduce(this.#state, action);
  }
}

/** A login that ends soon can be made anew before anybody has to. */
function wantsSignIn(card: Card | undefined): boolean {
  return card?.action === "signIn" || card?.badge.reason.kind === "deadlineNear";
}
