// What the History window shows at the moment, and what its buttons do. Owns the choice of span and profiles, reading anew
// while the window can be seen, letting go of numbers that are to be hidden, and saving. Leaves lines and values to
// `lines.ts`, drawing to the components.
import type { Plots } from "../generated/Plots";
import { veiledText } from "../veil";
import { sentenceOf, type HistoryBackend } from "./backend";
import { charts, firstChoice, type Chart, type Days } from "./lines";

const READ_AGAIN_MS = 60_000;

export type Mode = "plots" | "table";

export class Past {
  days = $state<Days>(7);
  mode = $state<Mode>("plots");
  plots = $state.raw<Plots | null>(null);
  problem = $state<string | null>(null);
  /** Numbers are hidden, and so are lines, which are nothing else. */
  hidden = $state(false);
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
    const stopHides = this.#backend.onHides((hides) => this.#hide(hides === "always"));
    void this.read();
    const again = () => {
      if (!document.hidden) void this.read();
    };
    const timer = window.setInterval(again, READ_AGAIN_MS);
    document.addEventListener("visibilitychange", again);
    return () => {
      stopHides();
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }

  async read(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const past = await this.#backend.usage(this.days);
      // Of two questions the later one counts, whichever is answered first.
      if (asked !== this.#asked) return;
      this.plots = past;
      this.hidden = past.hidden;
      this.problem = null;
      // The choice goes by who has lines.
      if (!past.hidden && past.profiles.length > 0) this.#chosen ??= firstChoice(past.profiles);
    } catch (refusal) {
      if (asked === this.#asked) this.problem = this.#sentence(refusal);
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

  /** What is shown goes at once. What is to be shown again comes with the lines. */
  #hide(hidden: boolean): void {
    if (hidden) {
      this.hidden = true;
      this.at = null;
      if (this.plots !== null) this.plots = withoutLines(this.plots);
      if (this.problem !== null) this.problem = veiledText(this.problem);
      if (this.outcome !== null && "problem" in this.outcome) this.outcome = null;
    }
    void this.read();
  }

  #sentence(refusal: unknown): string {
    const sentence = sentenceOf(refusal);
    return this.hidden ? veiledText(sentence) : sentence;
  }

  async #save(save: () => Promise<string | null>): Promise<void> {
    if (this.saving) return;
    this.saving = true;
    this.outcome = null;
    try {
      const path = await save();
      if (path !== null) this.outcome = { path };
    } catch (refusal) {
      this.outcome = { problem: this.#sentence(refusal) };
    } finally {
      this.saving = false;
    }
  }
}

function withoutLines(plots: Plots): Plots {
  return { ...plots, profiles: plots.profiles.map((profile) => ({ ...profile, series: [] })) };
}
