// What components hold on to: the view to draw and the things a person can do. Joins the pure store to the backend and
// owns the little that belongs to this window alone (which panel is open). No truth lives here: closing the window
// loses nothing. Deliberately not here: what a state means on screen (`store.ts`) and how it looks (`components/`).
import { asProblem, type Backend } from "./backend";
import { Clock } from "./clock.svelte";
import { spoken } from "./copy";
import type { Alias } from "./generated/Alias";
import type { Board } from "./generated/Board";
import type { Line } from "./generated/Line";
import type { Problem } from "./generated/Problem";
import type { View } from "./generated/View";
import { gapOf, movedInto, type Move } from "./order";
import { measureClick } from "./probe";
import {
  derive,
  initialState,
  nextOp,
  reduce,
  sameView,
  viewOf,
  visibleProblem,
  type Action,
  type State,
} from "./store";
import { veiledBoard, veiledCard, veiledLine, veiledProblem } from "./veil";

/** A panel under one card. */
export interface CardPanel {
  readonly kind: "menu" | "rename" | "remove" | "undo" | "token";
  readonly alias: Alias;
}

/** The one panel that is open: under a card, under the list, or in its place. */
export type Panel = CardPanel | { readonly kind: "add" | "activity" | "view" };

export class Controls {
  readonly clock = new Clock();
  readonly #backend: Backend;
  #state = $state.raw<State>(initialState);
  readonly #drawn = $derived(
    derive(this.#state.confirmed, this.#state.pending, this.#state.wishedOrder?.value),
  );
  // Not derived from the state: every card draws by it, and would be looked through for every board.
  #view = $state.raw<View>(viewOf(initialState));
  readonly #hidden = $derived(this.#view.hides === "always");
  // What components see: where things are hidden, they are hidden from the components too.
  readonly #shownBoard = $derived(this.#veiled(this.#state.confirmed, veiledBoard));
  readonly #shownCards = $derived(
    this.#hidden
      ? { ...this.#drawn, cards: this.#drawn.cards.map((each) => ({ ...each, card: veiledCard(each.card) })) }
      : this.#drawn,
  );
  #lines = $state.raw<readonly Line[] | null>(null);
  #turn = 0;
  /** What "hide" goes back to. */
  #shownAs: View["hides"] = "whileShared";

  /** The panel that is open, if any. */
  panel = $state.raw<Panel | null>(null);
  /** The last sentence for people who listen. */
  announcement = $state("");

  constructor(backend: Backend) {
    this.#backend = backend;
    if (backend.first !== null) this.#dispatch({ kind: "boardArrived", board: backend.first });
  }

  get board(): Board | null {
    return this.#shownBoard;
  }

  /** The cards to draw, and who is live or becoming it. */
  get drawn() {
    return this.#shownCards;
  }

  /** How the person wants the board drawn. */
  get view(): View {
    return this.#view;
  }

  /** Whether addresses and numbers are hidden. */
  get hidden(): boolean {
    return this.#hidden;
  }

  get problem(): Problem | null {
    return this.#veiled(visibleProblem(this.#state), veiledProblem);
  }

  /** What happened lately, newest first; null until it was read. */
  get lines(): readonly Line[] | null {
    return this.#veiled(this.#lines, (lines) => lines.map(veiledLine));
  }

  /** What the last switch did, for as long as the engine calls it news. */
  get notice(): string | null {
    return this.#drawn.target === null ? (this.board?.notice ?? null) : null;
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
    this.#backend.board().then((board) => this.#arrived(board), this.#refused);
    return () => {
      stopBoards();
      stopClock();
    };
  }

  /** Asks for a switch. `since` is the time stamp of the click or key press. Nothing happens while one runs. */
  switchTo(alias: Alias, since: number): void {
    const view = this.#drawn.cards.find((each) => each.card.alias === alias);
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
      if (problem.code === "confirmation") return this.#veiled(problem, veiledProblem);
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

  /** Draws the board otherwise, at once. */
  setView(change: Partial<View>): void {
    const turn = ++this.#turn;
    const view = { ...this.#view, ...change };
    this.#dispatch({ kind: "viewWished", turn, view });
    this.#wish(turn, this.#backend.setView(view));
  }

  /** Hides addresses and numbers, or shows them again. */
  toggleHidden(): void {
    const { hides } = this.#view;
    if (hides !== "always") this.#shownAs = hides;
    this.setView({ hides: hides === "always" ? this.#shownAs : "always" });
    this.announcement = this.#hidden ? spoken.hiddenNow : spoken.shownNow;
  }

  /** Puts a card into a gap between others, if the order is the person's to make. */
  putInto(alias: Alias, gap: number): void {
    const aliases = this.#aliases();
    const moved = movedInto(aliases, alias, gap);
    if (this.#view.order !== "hand") this.announcement = spoken.sorted;
    else if (moved === aliases) this.announcement = spoken.atTheEnd(alias);
    else this.#reorder(moved, alias);
  }

  /** Moves a card by a key. */
  move(alias: Alias, move: Move): void {
    const aliases = this.#aliases();
    this.putInto(alias, gapOf(move, aliases.indexOf(alias), aliases.length));
  }

  openHistory(): void {
    this.closePanel();
    this.#backend.openHistory().catch(this.#refused);
  }

  /** Leads through a sign-in to this profile, or (null) to an account that is no profile yet. */
  signIn(alias: Alias | null): void {
    this.closePanel();
    this.#backend.openRotate(alias).catch(this.#refused);
  }

  /** Shows what happened lately, or goes back to the cards. */
  toggleActivity(): void {
    this.togglePanel({ kind: "activity" });
    if (this.panel?.kind === "activity") this.#readActivity();
    else this.#lines = null;
  }

  /** Opens a panel, or closes it when it is open already. */
  togglePanel(panel: Panel): void {
    this.panel = this.isOpen(panel) ? null : panel;
  }

  closePanel(): void {
    this.panel = null;
    this.#lines = null;
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

  #aliases(): readonly Alias[] {
    return this.#drawn.cards.map((each) => each.card.alias);
  }

  #reorder(aliases: readonly Alias[], moved: Alias): void {
    const turn = ++this.#turn;
    this.#dispatch({ kind: "orderWished", turn, aliases });
    this.announcement = spoken.movedTo(moved, aliases.indexOf(moved) + 1, aliases.length);
    this.#wish(turn, this.#backend.reorder(aliases));
  }

  #arrived(board: Board): void {
    const before = this.#drawn.live;
    const old = this.#state.confirmed;
    this.#dispatch({ kind: "boardArrived", board });
    const after = this.#drawn.live;
    if (old !== null && after !== null && after !== before) this.announcement = spoken.switchedTo(after);
    this.#forgetLostPanel(board);
    if (this.panel?.kind === "activity") this.#readActivity();
  }

  #wish(turn: number, answer: Promise<void>): void {
    answer.then(
      () => this.#dispatch({ kind: "wishAnswered", turn }),
      (refusal: unknown) => this.#dispatch({ kind: "wishRefused", turn, problem: asProblem(refusal) }),
    );
  }

  #veiled<T>(value: T, veil: (value: NonNullable<T>) => T): T {
    return this.#hidden && value != null ? veil(value) : value;
  }

  #readActivity(): void {
    this.#backend.recentActivity().then((lines) => (this.#lines = lines), this.#refused);
  }

  /** A panel under a card that is gone has nothing left to say. */
  #forgetLostPanel(board: Board): void {
    const panel = this.panel;
    if (panel === null || !("alias" in panel)) return;
    if (!board.cards.some((card) => card.alias === panel.alias)) this.panel = null;
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
    const view = viewOf(this.#state);
    if (!sameView(view, this.#view)) this.#view = view;
  }
}
