// The present, for everything that shows an age. Ticks once a second while the window can be seen, and costs nothing
// while it cannot. Deliberately not here: what an age looks like (`format.ts`).
import type { Timestamp } from "./generated/Timestamp";

const TICK_MS = 1_000;

/** A clock that ticks in the interface; `now` is reactive. */
export class Clock {
  #now = $state(Date.now());

  get now(): Timestamp {
    return this.#now;
  }

  /** Starts ticking; the returned function stops it. */
  start(): () => void {
    let timer: number | undefined;
    const follow = () => {
      window.clearInterval(timer);
      if (document.hidden) return;
      this.#now = Date.now();
      timer = window.setInterval(() => (this.#now = Date.now()), TICK_MS);
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", follow);
    };
  }
}
