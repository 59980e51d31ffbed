// Which cards a person sees now or after the next move of the list. The others need not follow every board and every second: they
// draw what they drew last, as long as nothing but their readings is newer, and follow a few at a time. Owns whose turn it is;
// what a card draws is its own.
import type { CardView } from "./store";

/** How far beyond the list a card still follows at once. */
const MARGIN = "100% 0px";
/** So many follow in each turn. */
const IN_A_TURN = 4;

/** The place of one card in its list. */
export class Place {
  /** The card is in sight, or nearly. Assumed until the list was looked at. */
  near = $state(true);
  /** Grows when it is the card's turn to follow. */
  turn = $state(0);
}

/** The places of all cards of a list. */
export class Sight {
  readonly #places = new Map<Element, Place>();
  #observer: IntersectionObserver | undefined;
  #waiting: readonly Place[] = [];

  /** Watches where this card of a `.list` stands; the returned function lets go of it. */
  watch(card: Element, place: Place): () => void {
    this.#observer ??= new IntersectionObserver((seen) => this.#saw(seen), {
      root: card.closest(".list"),
      rootMargin: MARGIN,
    });
    this.#places.set(card, place);
    this.#observer.observe(card);
    return () => {
      this.#places.delete(card);
      this.#observer?.unobserve(card);
    };
  }

  /** Gives their turn to the next few cards that are out of sight. */
  letFollow(): void {
    if (this.#waiting.length === 0) this.#waiting = [...this.#places.values()].filter((place) => !place.near);
    for (const place of this.#waiting.slice(0, IN_A_TURN)) place.turn++;
    this.#waiting = this.#waiting.slice(IN_A_TURN);
  }

  #saw(seen: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of seen) {
      const place = this.#places.get(target);
      if (place !== undefined) place.near = isIntersecting;
    }
  }
}

/** Whether two views of one card say the same, but for what was read and when. */
export function sameButReadings(one: CardView, other: CardView): boolean {
  return one === other || lasting(one) === lasting(other);
}

function lasting({ card: { usage, badge, ...card }, ...view }: CardView): string {
  return JSON.stringify([view, card, badge.level, badge.reason.kind, usage === null]);
}
