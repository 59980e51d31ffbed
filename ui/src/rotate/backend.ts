// The border between the Rotate wizard and the Rust side: its one interface, and the Tauri half of it. Deliberately not here:
// what an answer means for the screen (`wizard.svelte.ts`), and the stand-in for a plain browser (`fake.ts`).
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Alias } from "../generated/Alias";
import type { Board } from "../generated/Board";
import type { Found } from "../generated/Found";
import type { Problem } from "../generated/Problem";
import type { Rotation } from "../generated/Rotation";
import type { Timestamp } from "../generated/Timestamp";

/** What the window was opened for: one profile, all that are due, or (neither) an account that is no profile yet. */
export interface Wanted {
  readonly alias: Alias | null;
  readonly due: boolean;
}

/** What the window was opened for, and who was dealt with in the queue that it goes on with. */
export interface Opened extends Wanted {
  readonly passed: readonly Alias[];
}

/** Whether the installed Claude Code can sign in apart from the live login. */
export type Ability =
  | { readonly kind: "isolated" }
  | { readonly kind: "tooOld"; readonly version: string }
  | { readonly kind: "notInstalled" };

/** What a sign-in on this computer can be done with. */
export interface Means {
  readonly ability: Ability;
  /** The browser that can give a profile a window of its own, such as "Chrome"; null: none is installed. */
  readonly own: string | null;
  /** What a person is told whose settings let Signalbox press Authorize; null: they do not. */
  readonly presses: string | null;
}

/** Where the page of a sign-in opens: in the browser of every day, or in a window that is this profile's own. */
export type Place = "shared" | "own";

/** The sign-in that is under way, and what became of its page. */
export interface UnderWay extends Rotation {
  /** Where the app has opened the page; null while it has not. */
  readonly opened: Place | null;
  /** Why it could not. */
  readonly trouble: Problem | null;
}

/** For whom a new login is kept. */
export type Keep =
  | { readonly kind: "asAsked" }
  | { readonly kind: "asNew"; readonly alias: Alias }
  | { readonly kind: "forItsOwner" };

/** A login that was confirmed. */
export interface Kept {
  readonly alias: Alias;
  readonly email: string;
  readonly plan: string | null;
  readonly organization: string | null;
  readonly deadline: Timestamp | null;
  readonly isNew: boolean;
  readonly isLive: boolean;
}

/** Everything that this window can ask for. A refused call rejects with a `Problem`. */
export interface RotateBackend {
  board(): Promise<Board>;
  /** Calls `f` with every board that is published from now on, until the returned function is called. */
  onBoard(f: (board: Board) => void): () => void;
  wanted(): Promise<Opened>;
  /** Keeps for a window that is opened later who was dealt with in this queue. */
  remember(passed: readonly Alias[]): Promise<void>;
  /** Calls `f` when the window is asked for something else while it is open. */
  onWanted(f: () => void): () => void;
  means(): Promise<Means>;
  /** Cheap: asked once a second. */
  underWay(): Promise<UnderWay | null>;
  begin(alias: Alias, place: Place): Promise<void>;
  /** Whose login the sign-in brought. */
  check(): Promise<Found>;
  keep(keep: Keep): Promise<Kept>;
  /** Lets the person sign in once more. */
  again(place: Place): Promise<void>;
  /** Hands over the code that the page showed. */
  answer(code: string): Promise<void>;
  /** Everything is what it was before. */
  cancel(): Promise<void>;
  openPage(place: Place): Promise<void>;
  /** Makes `alias` the live login. A board acknowledges `op` once that has ended. */
  useProfile(op: number, alias: Alias): Promise<void>;
  /** Closes the window. A sign-in that is under way goes on. */
  close(): Promise<void>;
}

/** Whether this page runs inside the app. */
export function insideTauri(): boolean {
  return "__TAURI_INTERNALS__" in window;
}

export function tauriBackend(): RotateBackend {
  // The first board is asked for only when the listener is in place: between the two nothing can be missed.
  let listening: Promise<unknown> = Promise.resolve();
  const heard = <T>(event: string, f: (payload: T) => void) => {
    const stop = listen<T>(event, ({ payload }) => f(payload));
    return { stop, end: () => void stop.then((unlisten) => unlisten()) };
  };
  return {
    async board() {
      await listening;
      return invoke<Board>("board");
    },
    onBoard(f) {
      const { stop, end } = heard("board", f);
      listening = stop;
      return end;
    },
    wanted: () => invoke<Opened>("rotate_wanted"),
    remember: (passed) => invoke("remember_passed", { passed }),
    onWanted: (f) => heard("rotate-wanted", f).end,
    means: () => invoke<Means>("sign_in_means"),
    underWay: () => invoke<UnderWay | null>("sign_in_under_way"),
    begin: (alias, place) => invoke("begin_sign_in", { alias, place }),
    check: () => invoke<Found>("check_sign_in"),
    keep: (keep) => invoke<Kept>("keep_sign_in", { keep }),
    again: (place) => invoke("sign_in_again", { place }),
    answer: (code) => invoke("answer_sign_in", { code }),
    cancel: () => invoke("cancel_sign_in"),
    openPage: (place) => invoke("open_sign_in_page", { place }),
    useProfile: (op, alias) => invoke("use_profile", { op, alias }),
    close: () => invoke("close_rotate"),
  };
}

/** What a call was refused with. Anything but a `Problem` is a fault of ours, and is shown as one. */
export function asProblem(refusal: unknown): Problem {
  if (typeof refusal === "object" && refusal !== null && "code" in refusal && "message" in refusal) {
    return refusal as Problem;
  }
  const why = refusal instanceof Error ? refusal.message : String(refusal);
  const message = `Cannot reach Signalbox: ${why}`;
  return { code: "internal", message, nextStep: { kind: "reportBug" }, about: null };
}
