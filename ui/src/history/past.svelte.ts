// What the History window shows at the moment, and what its buttons do. Owns the choice of span and profiles, reading anew
// while the window can be seen, and saving. Leaves lines and values to `lines.ts`, drawing to the components.
import type { Plots } from "../generated/Plots";
import { sentenceOf, type HistoryBackend } from "./backend";
import { charts, firstChoice, type Chart, type Days } from "./lines";

const READ_AGAIN_MS = 60_000;

export type Mode = "plots" | "table";

export class Past {
  days = $state<Days>(7);
  mode = $state<Mode>("plots");
  plots = $state.raw<Plots | null>(null);
  problem = $state<string | null>(null);
  /** What the last saving came to. */
  outcome = $state<{ path: string } | { problem: string } | null>(null);
  saving = $state(false);
  /** The moment under the cursor, which all plots share. */
  at = $state<number | null>(null);
  /** The ids of the chosen profiles; null until the first lines came. */
  #chosen = $state.raw<readonly string[] | null>(null);
  readonly chosen = $derived(this.#chosen ?? []);
  readonly charts = $derived<Chart[]>(this.plots === null ? [] : charts(this.plots, this.chosen));
  #backend: HistoryBackend;
  #asked = 0;

  constructor(backend: HistoryBackend) {
    this.#backend = backend;
  }

  /** Reads now, and again each minute in which the window can be seen. The returned function stops that. */
  start(): () => void {
    void this.read();
    const again = () => {
      if (!document.hidden) void this.read();
    };
    const timer = window.setInterval(again, READ_AGAIN_MS);
    document.addEventListener("visibilitychange", again);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }

  async read(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const plots = await this.#backend.usage(this.days);
      // Of two questions the later one counts, whichever is answered first.
      if (asked !== this.#asked) return;
      this.plots = plots;
      this.problem = null;
      this.#chosen ??= plots.profiles.length > 0 ? firstChoice(plots.profiles) : null;
    } catch (refusal) {
      if (asked === this.#asked) this.problem = sentenceOf(refusal);
    }
  }

  look(days: Days): void {
    this.days = days;
    this.at = null;
    void this.read();
  }

  toggle(id: string): void {
    this.#chosen = this.chosen.includes(id)
      ? this.chosen.filter((other) => other !== id)
      : [...this.chosen, id];
  }

  saveReadings(): Promise<void> {
    return this.#save(() => this.#backend.saveReadings(this.days, this.chosen));
  }

  savePicture(draw: () => Promise<ArrayBuffer>): Promise<void> {
    return this.#save(async () => this.#backend.savePicture(await draw()));
  }

  close(): void {
    void this.#backend.close();
  }

  async #save(save: () => Promise<string | null>): Promise<void> {
    if (this.saving) return;
    this.saving = true;
    this.outcome = null;
    try {
      const path = await save();
      if (path !== null) this.outcome = { path };
    } catch (refusal) {
      this.outcome = { problem: sentenceOf(refusal) };
    } finally {
      this.saving = false;
    }
  }
}
