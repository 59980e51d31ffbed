// How fast a click answers, measured where it matters: in the page. Owns `window.__signalbox`, which `make bench` reads. The
// figure of a click is the time in milliseconds from the click event's own time stamp to the first frame in which the target
// card stands in the document as *switching*; it therefore includes the wait for the event, our work and the wait for the
// frame. Nothing here changes what is drawn.

export interface Probe {
  /** One figure for each click on Switch, oldest first. */
  readonly clickToSwitchingMs: number[];
}

declare global {
  interface Window {
    __signalbox?: Probe;
  }
}

/** More figures than any bench takes; a window that stays open for weeks must not grow. */
const FIGURES_MAX = 1_000;
/** After so many frames without the card the click was refused, and there is nothing to measure. */
const FRAMES_MAX = 120;

/** Puts the empty probe in place. */
export function installProbe(): void {
  window.__signalbox = { clickToSwitchingMs: [] };
}

/**
 * When a click began. WebKitGTK takes the time stamp of a real click from the X server, whose clock may run some
 * milliseconds ahead of the page's; nothing that is being handled happened later than now.
 */
export function beginOf(timeStamp: number, now: number): number {
  return Math.min(timeStamp, now);
}

/** Measures the click that happened at `timeStamp` (an event's own) and asked for `alias`. */
export function measureClick(alias: string, timeStamp: number): void {
  const since = beginOf(timeStamp, performance.now());
  performance.mark("signalbox:click", { startTime: since });
  let frames = 0;
  const look = () => {
    const figures = window.__signalbox?.clickToSwitchingMs;
    if (figures === undefined || ++frames > FRAMES_MAX) return;
    const card = document.querySelector(`.card[data-alias="${CSS.escape(alias)}"][data-state="switching"]`);
    if (card === null) {
      requestAnimationFrame(look);
      return;
    }
    keep(figures, performance.now() - since);
  };
  requestAnimationFrame(look);
}

function keep(figures: number[], figure: number): void {
  if (figures.length >= FIGURES_MAX) figures.shift();
  figures.push(figure);
}
