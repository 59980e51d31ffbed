// The border between the page and the Rust side: the one interface that components know, and its Tauri half. The only
// file that imports @tauri-apps/api. Names of commands and of the event are those of the shell's `commands` and `board`.
// Deliberately not here: what a call means for the screen (`controls.svelte.ts`), and the stand-in for a plain browser
// (`fake/backend.ts`).
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { problem as say } from "./copy";
import type { Alias } from "./generated/Alias";
import type { Board } from "./generated/Board";
import type { Line } from "./generated/Line";
import type { Problem } from "./generated/Problem";
import type { View } from "./generated/View";

declare global {
  interface Window {
    /** The board as it was when the window was made, if there was one. */
    __SIGNALBOX_BOARD__?: Board;
  }
}

/** Everything that the board window can ask for. A refused call rejects with a `Problem`, see `asProblem`. */
export interface Backend {
  /** The board that came with the page, a moment old; null where none did. */
  readonly first: Board | null;
  /** The board as it is now. Boards that come later arrive through `onBoard`. */
  board(): Promise<Board>;
  /** Calls `f` with every board that is published from now on, until the returned function is called. */
  onBoard(f: (board: Board) => void): () => void;
  /** Makes `alias` the live login. `op` is acknowledged by `Board.ackedOp` once that has ended, well or badly. */
  useProfile(op: number, alias: Alias): Promise<void>;
  /** Reads everybody's usage anew. */
  refresh(): Promise<void>;
  /** Registers the live login as `alias`. `force`: the person said yes to what a first call was refused with. */
  addProfile(alias: Alias, force: boolean): Promise<void>;
  renameProfile(from: Alias, to: Alias): Promise<void>;
  removeProfile(alias: Alias): Promise<void>;
  /** Goes back to the newest earlier login of `alias` that the server still accepts. */
  undo(alias: Alias): Promise<void>;
  /** What happened lately, newest first. */
  recentActivity(): Promise<Line[]>;
  /** Puts the profiles into this order, which all faces then have. */
  reorder(aliases: readonly Alias[]): Promise<void>;
  /** Chooses how boards are drawn from now on. */
  setView(view: View): Promise<void>;
  /** Opens the window with the plots of past usage. */
  openHistory(): Promise<void>;
  /** Opens the window that leads through a sign-in: to this profile, or (null) to an account that is no profile yet. */
  openRotate(alias: Alias | null): Promise<void>;
  dismissProblem(): Promise<void>;
  /** The person agreed to the terms. Answered when that is written down; from then on the app keeps watch. */
  acceptTerms(): Promise<void>;
  /** Opens one of the pages that the terms name, in the person's own browser. */
  openPage(address: string): Promise<void>;
  closeBoard(): Promise<void>;
  /** Makes the window as high as its content, in CSS pixels. */
  fitHeight(px: number): Promise<void>;
  quit(): Promise<void>;
}

/** Whether this page runs inside the app. */
export function insideTauri(): boolean {
  return "__TAURI_INTERNALS__" in window;
}

export function tauriBackend(): Backend {
  // The first board is asked for only when the listener is in place: between the two nothing can be missed.
  let listening: Promise<unknown> = Promise.resolve();
  return {
    first: window.__SIGNALBOX_BOARD__ ?? null,
    async board() {
      await listening;
      return invoke<Board>("board");
    },
    onBoard(f) {
      const stop = listen<Board>("board", (event) => f(event.payload));
      listening = stop;
      return () => void stop.then((unlisten) => unlisten());
    },
    useProfile: (op, alias) => invoke("use_profile", { op, alias }),
    refresh: () => invoke("refresh"),
    addProfile: (alias, force) => invoke("add_profile", { alias, force }),
    renameProfile: (from, to) => invoke("rename_profile", { from, to }),
    removeProfile: (alias) => invoke("remove_profile", { alias }),
    undo: (alias) => invoke("undo", { alias }),
    recentActivity: () => invoke<Line[]>("recent_activity"),
    reorder: (aliases) => invoke("reorder", { aliases }),
    setView: (view) => invoke("set_view", { view }),
    openHistory: () => invoke("open_history"),
    openRotate: (alias) => invoke("open_rotate", { alias, due: false }),
    dismissProblem: () => invoke("dismiss_problem"),
    acceptTerms: () => invoke("accept_terms"),
    openPage: (address) => invoke("open_page", { address }),
    closeBoard: () => invoke("close_board"),
    fitHeight: (height) => invoke("fit_board", { height }),
    quit: () => invoke("quit"),
  };
}

/** What a call was refused with. Anything but a `Problem` is a fault of ours, and is shown as one. */
export function asProblem(refusal: unknown): Problem {
  if (isProblem(refusal)) return refusal;
  const why = refusal instanceof Error ? refusal.message : String(refusal);
  return { code: "internal", message: say.noAnswer(why), nextStep: { kind: "reportBug" }, about: null };
}

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    "message" in value &&
    "nextStep" in value &&
    "about" in value
  );
}
