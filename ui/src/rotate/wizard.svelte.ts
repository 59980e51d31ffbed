// What the wizard's components hold on to: the page to draw and the things a person can do. Joins the pure store to the
// backend, looks once a second how far the sign-in is, and hides addresses where the person hides them. No truth lives here:
// closing the window loses nothing. Deliberately not here: which page a situation makes (`store.ts`).
import { Clock } from "../clock.svelte";
import type { Alias } from "../generated/Alias";
import type { Board } from "../generated/Board";
import type { Found } from "../generated/Found";
import type { Problem } from "../generated/Problem";
import { VEIL, veiledCard, veiledProblem } from "../veil";
import {
  asProblem,
  type Keep,
  type Kept,
  type Place,
  type RotateBackend,
  type UnderWay,
  type Wanted,
} from "./backend";
import {
  anew,
  done,
  due,
  INITIAL,
  isOpen,
  looked,
  nextDue,
  nextOp,
  over,
  pageOf,
  remembered,
  settled,
  stageOf,
  switchState,
  type Busy,
  type Situation,
} from "./store";

const LOOK_EVERY_MS = 1_000;

export class Wizard {
  readonly clock = new Clock();
  readonly #backend: RotateBackend;
  #truth = $state.raw<Situation>(INITIAL);
  readonly hidden = $derived(this.#truth.board?.view.hides === "always");
  readonly #situation = $derived(this.hidden ? veiled(this.#truth) : this.#truth);
  /** The page that is drawn. */
  readonly page = $derived(pageOf(this.#situation));
  readonly stage = $derived(stageOf(this.page));
  readonly due = $derived(due(this.#situation));
  readonly nextDue = $derived(nextDue(this.#situation));
  readonly switched = $derived(switchState(this.#situation));
  /** Where the next page opens. */
  place = $state<Place>("shared");
  /** Whether it is being asked if the sign-in is to be given up. */
  asking = $state(false);
  /** Counts presses, so that a look that began before one says nothing about after it. */
  #turn = 0;
  /** What the app was told last of who was dealt with. An alias holds no comma. */
  #remembered: readonly Alias[] = [];

  constructor(backend: RotateBackend) {
    this.#backend = backend;
  }

  get board(): Board | null {
    return this.#situation.board;
  }

  get means() {
    return this.#situation.means;
  }

  get wanted() {
    return this.#situation.wanted;
  }

  get busy(): Busy | null {
    return this.#situation.busy;
  }

  get problem(): Problem | null {
    return this.#situation.problem;
  }

  /** The profile that Claude Code uses, if it is one. */
  get live(): Alias | null {
    return this.board?.cards.find((card) => card.active)?.alias ?? null;
  }

  /** Names that a new profile cannot have. */
  get taken(): readonly Alias[] {
    return this.board?.cards.map((card) => card.alias) ?? [];
  }

  /** How many logins this window was opened to renew, and the number of the present one; null for a single one. */
  get queue(): { readonly at: number; readonly of: number } | null {
    const { wanted, passed, underWay } = this.#truth;
    if (wanted?.due !== true) return null;
    const current = underWay !== null && passed.includes(underWay.alias) ? 1 : 0;
    const of = this.due.length + passed.length;
    const ended = this.page.kind === "done" || this.page.kind === "over" ? 0 : 1;
    return of < 2 ? null : { at: Math.min(of, passed.length - current + ended), of };
  }

  /** Follows the backend and the clock; the returned function lets go of both. */
  start(): () => void {
    const stopClock = this.clock.start();
    const stopBoards = this.#backend.onBoard((board) => this.#set({ board }));
    const stopWanted = this.#backend.onWanted(() => void this.#ask());
    this.#backend.board().then((board) => this.#set({ board }), this.#refused);
    this.#askForMeans();
    void this.#ask();
    void this.#look();
    const timer = window.setInterval(() => void this.#look(), LOOK_EVERY_MS);
    return () => {
      window.clearInterval(timer);
      stopWanted();
      stopBoards();
      stopClock();
    };
  }

  begin(alias: Alias): Promise<void> {
    return this.#act("begin", () => this.#backend.begin(alias, this.place));
  }

  check(): Promise<void> {
    return this.#act("check", async () => this.#set({ found: await this.#backend.check() }));
  }

  keep(keep: Keep): Promise<void> {
    return this.#act("keep", async () => {
      const kept = await this.#backend.keep(keep);
      this.#become(done(this.#truth, kept));
    });
  }

  again(): Promise<void> {
    return this.#act("again", async () => {
      await this.#backend.again(this.place);
      this.#set({ found: null });
    });
  }

  answer(code: string): Promise<void> {
    return this.#act("answer", () => this.#backend.answer(code));
  }

  openPage(): Promise<void> {
    return this.#act("open", () => this.#backend.openPage(this.place));
  }

  cancel(): Promise<void> {
    const { underWay } = this.#truth;
    this.asking = false;
    return this.#act("cancel", async () => {
      await this.#backend.cancel();
      if (underWay === null) return;
      const { alias, way } = underWay;
      this.#become(over(this.#truth, { alias, way, why: "cancelled" }));
    });
  }

  /** Begins with the next profile that is due. */
  goOn(alias: Alias): void {
    const { wanted } = this.#truth;
    this.#become(anew(this.#truth, wanted?.due === true ? wanted : { alias, due: false }));
    void this.begin(alias);
  }

  /** The person wants something else than what the window was opened for. */
  want(wanted: Wanted): void {
    this.#become(anew(this.#truth, wanted));
  }

  /** Back to the first page, for the profile whose sign-in was given up. */
  startOver(alias: Alias): void {
    const { wanted } = this.#truth;
    const passed = this.#truth.passed.filter((each) => each !== alias);
    const isProfile = this.taken.includes(alias);
    this.#become(
      anew(
        { ...this.#truth, passed },
        wanted?.due === true ? wanted : { alias: isProfile ? alias : null, due: false },
      ),
    );
  }

  /** Makes the profile live that was just renewed. */
  switchTo(alias: Alias): void {
    const op = nextOp(this.#truth);
    this.#set({ switched: { op, refused: null } });
    this.#backend
      .useProfile(op, alias)
      .catch((refusal: unknown) => this.#set({ switched: { op, refused: asProblem(refusal) } }));
  }

  /** Escape: asks before anything is given up, and closes the window where there is nothing to give up. */
  stepBack(): void {
    if (this.asking) this.asking = false;
    else if (this.page.kind === "beginning" || this.busy === "keep" || this.busy === "cancel") return;
    else if (isOpen(this.page)) this.asking = true;
    else this.close();
  }

  close(): void {
    this.#backend.close().catch(this.#refused);
  }

  /** Claude Code may have been installed or updated meanwhile. */
  lookAtMeansAgain(): void {
    this.#set({ means: null });
    this.#askForMeans();
  }

  #askForMeans(): void {
    this.#backend.means().then((means) => this.#set({ means }), this.#refused);
  }

  /** What the window was opened for. */
  async #ask(): Promise<void> {
    try {
      const { passed, ...wanted } = await this.#backend.wanted();
      if (this.#truth.wanted === null) {
        // What a window before this one knew. From here on this one knows better.
        this.#remembered = passed;
        this.#set({ passed });
      }
      this.#become(anew(this.#truth, wanted));
    } catch (refusal) {
      this.#refused(refusal);
    }
  }

  async #look(): Promise<void> {
    if (this.#truth.busy !== null) return;
    const turn = this.#turn;
    try {
      const underWay = await this.#backend.underWay();
      if (turn !== this.#turn) return;
      this.#become(looked(this.#truth, underWay, Date.now()));
      if (underWay === null) this.asking = false;
      if (underWay?.step.kind === "signedIn" && this.#truth.found === null && this.#truth.problem === null) {
        await this.check();
      }
    } catch (refusal) {
      if (turn === this.#turn) this.#set({ looked: true, problem: asProblem(refusal) });
    }
  }

  /** Does one thing at a time, and shows what it was refused with. */
  async #act(busy: Busy, act: () => Promise<void>): Promise<void> {
    if (this.#truth.busy !== null) return;
    this.#turn += 1;
    this.#set({ busy, problem: null });
    try {
      await act();
      this.#set({ busy: null });
    } catch (refusal) {
      this.#set({ busy: null, problem: asProblem(refusal) });
    }
    this.#turn += 1;
    await this.#look();
  }

  #refused = (refusal: unknown): void => this.#set({ problem: asProblem(refusal) });

  #become(next: Situation): void {
    this.#truth = settled(next);
    const passed = remembered(this.#truth);
    if (passed.join() === this.#remembered.join()) return;
    this.#remembered = passed;
    // At worst a window that is opened later asks once more.
    this.#backend.remember(passed).catch(() => undefined);
  }

  #set(change: Partial<Situation>): void {
    this.#become({ ...this.#truth, ...change });
  }
}

/** Everything that is drawn, without addresses. Names of profiles stay: they are the person's own words. */
function veiled(situation: Situation): Situation {
  const { board, underWay, found, kept, problem } = situation;
  return {
    ...situation,
    board: board === null ? null : { ...board, cards: board.cards.map(veiledCard) },
    underWay: underWay === null ? null : veiledUnderWay(underWay),
    found: found === null ? null : veiledFound(found),
    kept: kept === null ? null : veiledKept(kept),
    problem: problem === null ? null : veiledProblem(problem),
  };
}

function veiledUnderWay(underWay: UnderWay): UnderWay {
  const { email, trouble } = underWay;
  return {
    ...underWay,
    email: email === null ? null : VEIL,
    trouble: trouble === null ? null : veiledProblem(trouble),
  };
}

function veiledFound(found: Found): Found {
  const { fits } = found;
  return {
    ...found,
    email: VEIL,
    plan: null,
    organization: null,
    fits: fits.kind === "another" ? { ...fits, expected: VEIL } : fits,
  };
}

const veiledKept = (kept: Kept): Kept => ({ ...kept, email: VEIL, plan: null, organization: null });
