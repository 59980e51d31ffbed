// The border between the History window and the Rust side: its one interface, and the Tauri half of it. The board's is
// `../backend.ts`; the two windows share no call. Deliberately not here: the stand-in for a plain browser (`fake.ts`).
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Hides } from "../generated/Hides";
import type { Plots } from "../generated/Plots";
import type { Problem } from "../generated/Problem";
import type { Days } from "./lines";

/** What may be drawn. Where numbers are hidden no profile has a line, because the Rust side keeps them back. */
export interface Lines extends Plots {
  readonly hidden: boolean;
}

/** Everything that this window can ask for. A refused call rejects with a `Problem`, see `asProblem`. */
export interface HistoryBackend {
  /** The lines of the last `days`. */
  usage(days: Days): Promise<Lines>;
  /** Calls `f` whenever the person chose anew what is hidden, until the returned function is called. */
  onHides(f: (hides: Hides) => void): () => void;
  /** Asks where to, and saves the readings of these cards as CSV. The path, or null when the person thought better of it. */
  saveReadings(days: Days, profiles: readonly string[]): Promise<string | null>;
  /** Asks where to, and saves a PNG. */
  savePicture(png: ArrayBuffer): Promise<string | null>;
  close(): Promise<void>;
}

/** Whether this page runs inside the app. */
export function insideTauri(): boolean {
  return "__TAURI_INTERNALS__" in window;
}

export function tauriBackend(): HistoryBackend {
  return {
    usage: (days) => invoke<Lines>("usage_history", { days }),
    onHides(f) {
      const stop = listen<Hides>("hides", (event) => f(event.payload));
      return () => void stop.then((unlisten) => unlisten());
    },
    saveReadings: (days, profiles) => invoke<string | null>("export_history", { wanted: { days, profiles } }),
    savePicture: (png) => invoke<string | null>("save_picture", png),
    close: () => invoke("close_history"),
  };
}

/** The sentence of a refusal. Anything but a `Problem` is a fault of ours, and is shown as one. */
export function sentenceOf(refusal: unknown): string {
  if (typeof refusal === "object" && refusal !== null && "message" in refusal && "code" in refusal) {
    return (refusal as Problem).message;
  }
  return `Cannot reach Signalbox: ${refusal instanceof Error ? refusal.message : String(refusal)}`;
}
