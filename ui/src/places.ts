// What happens to cards when their order changes: they glide from where they stood to where they stand, and the one with the
// focus keeps it. Owns positions on the screen; which order it is was decided elsewhere.
import { glide } from "./motion";

/** Where things stood before the page was changed. */
export interface Places {
  readonly tops: ReadonlyMap<HTMLElement, number>;
  readonly focus: Element | null;
}

/** To be called before the cards are moved in the document. Cards out of sight are not asked for, and do not glide. */
export function placesIn(list: HTMLElement): Places {
  const tops = new Map<HTMLElement, number>();
  const { top, bottom } = list.getBoundingClientRect();
  for (const card of list.querySelectorAll<HTMLElement>(".card")) {
    const rect = card.getBoundingClientRect();
    if (rect.bottom > top && rect.top < bottom) tops.set(card, rect.top);
  }
  return { tops, focus: document.activeElement };
}

/** To be called when they have been moved. */
export function glideFrom({ tops, focus }: Places): void {
  // An element that was moved in the document has lost the focus.
  if (focus instanceof HTMLElement && focus.isConnected && focus !== document.activeElement) {
    focus.focus({ preventScroll: true });
  }
  focus?.closest(".card")?.scrollIntoView({ block: "nearest" });
  const { duration } = glide();
  if (!duration) return;
  for (const [card, before] of tops) {
    if (!card.isConnected) continue;
    // A card that was carried begins where the pointer let go of it.
    card.style.transform = "";
    const by = before - card.getBoundingClientRect().top;
    if (Math.abs(by) < 1) continue;
    card.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], {
      duration: duration as number,
      easing: "cubic-bezier(0.22, 1, 0.36, 1)",
    });
  }
}
