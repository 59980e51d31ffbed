// How high the window wants to be: as high as its content, up to a limit beyond which the list scrolls.

/** The highest that the board window gets, in CSS pixels. */
export const HEIGHT_MAX_PX = 640;
/** Growing is asked for at once; shrinking waits until things have come to rest, so that no frame is cut off. */
const REST_MS = 200;

interface Followers {
  /** Something in the sheet has another size now. */
  readonly resized: () => void;
  /** The window should be this high. */
  readonly fit: (px: number) => void;
  /** It was asked to be this high before there was anything to measure. */
  readonly known?: number | undefined;
}

/** Watches the size of the sheet and of its list, until the returned function is called. */
export function followHeight(sheet: HTMLElement, { resized, fit, known }: Followers): () => void {
  const list = sheet.querySelector<HTMLElement>(".list");
  const cards = sheet.querySelector<HTMLElement>(".cards");
  if (list === null || cards === null) return () => undefined;

  const high = (part: HTMLElement) => part.getBoundingClientRect().height;
  let asked = known ?? 0;
  let timer: number | undefined;
  const ask = () => {
    window.clearTimeout(timer);
    resized();
    // What the sheet needs besides its list, and all that the list would show if it had the room. In fractions of a
    // pixel, so that rounding does not make the window waver.
    const borders = list.offsetHeight - list.clientHeight;
    const wanted = Math.min(HEIGHT_MAX_PX, Math.ceil(high(sheet) - high(list) + borders + high(cards)));
    if (wanted === asked) return;
    if (wanted < asked) {
      timer = window.setTimeout(() => settle(wanted), REST_MS);
      return;
    }
    settle(wanted);
  };
  const settle = (px: number) => {
    asked = px;
    fit(px);
  };

  const observer = new ResizeObserver(ask);
  for (const part of [sheet, list, cards]) observer.observe(part);
  // Sizes are told with frames, and a window that waits to be shown draws none: the first content asks by itself.
  const begin = () => {
    if (cards.querySelector(".starting") !== null) return;
    first.disconnect();
    ask();
  };
  const first = new MutationObserver(begin);
  if (known === undefined) {
    first.observe(sheet, { childList: true, subtree: true });
    begin();
  }
  return () => {
    window.clearTimeout(timer);
    first.disconnect();
    observer.disconnect();
  };
}
