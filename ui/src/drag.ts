// Carrying a card to another place with the pointer. Owns the gesture: when it begins, the card that follows the pointer, the
// others that make room, the mark where it would land, scrolling at the ends of the list, and letting go or giving up. What a new order means is
// `controls.svelte.ts`'s. Pointer events and not HTML drag and drop, which WebKitGTK hands to the desktop.
import { gapAt } from "./order";

/** A press that moves less is a click. */
const SLACK_PX = 5;
/** So near to an end of the list it scrolls. */
const EDGE_PX = 28;
const SCROLL_PX = 7;
/** Between cards. */
const GAP_PX = 8;
/** What is pressed, typed in or selected keeps its own use of the pointer. */
const NOT_A_GRIP = "button, input, textarea, a, code, .panel, .mail, [role=menu]";

export interface Carrying {
  /** The frame that shows where the card would land. */
  readonly mark: () => HTMLElement | undefined;
  /** Whether cards may be moved at present. */
  readonly allowed: () => boolean;
  readonly put: (alias: string, gap: number) => void;
}

/** A card as it lay in the list when the carrying began, in the list's own measure. */
interface Slot {
  readonly card: HTMLElement;
  readonly top: number;
  readonly height: number;
}

/** Lets the cards in `list` be carried, until the returned function is called. */
export function carryCards(list: HTMLElement, { mark, allowed, put }: Carrying): () => void {
  let press: { card: HTMLElement; pointer: number; x: number; y: number; scroll: number } | null = null;
  let carried: { slots: readonly Slot[]; own: number; slot: Slot } | null = null;
  let last = 0;
  let frame = 0;

  function down(event: PointerEvent) {
    const target = event.target;
    if (event.button !== 0 || event.pointerType === "touch" || !(target instanceof Element) || !allowed())
      return;
    const card = target.closest<HTMLElement>(".card");
    if (card === null || target.closest(NOT_A_GRIP) !== null) return;
    press = { card, pointer: event.pointerId, x: event.clientX, y: event.clientY, scroll: list.scrollTop };
  }

  function move(event: PointerEvent) {
    if (press === null || event.pointerId !== press.pointer) return;
    last = event.clientY;
    if (carried === null) {
      if (Math.hypot(event.clientX - press.x, event.clientY - press.y) < SLACK_PX) return;
      lift(press.card, press.pointer);
    }
    event.preventDefault();
    draw();
  }

  function lift(card: HTMLElement, pointer: number) {
    // Measured once: what moves while a card is carried is drawn elsewhere, and lies where it lay.
    const above = list.getBoundingClientRect().top - list.scrollTop;
    const slots = [...list.querySelectorAll<HTMLElement>(".card")].map((each): Slot => {
      const { top, height } = each.getBoundingClientRect();
      return { card: each, top: top - above, height };
    });
    const own = slots.findIndex((each) => each.card === card);
    const slot = slots[own];
    if (slot === undefined) return;
    carried = { slots, own, slot };
    window.getSelection()?.removeAllRanges();
    card.setPointerCapture(pointer);
    card.dataset["carried"] = "";
    list.dataset["carrying"] = "";
    frame = requestAnimationFrame(scroll);
  }

  function draw() {
    if (press === null || carried === null) return;
    const { slots, own, slot } = carried;
    const gap = gapUnder();
    const room = slot.height + GAP_PX;
    let place = slot.top;
    slots.forEach(({ card, top, height }, at) => {
      const up = at > own && at < gap;
      const down = at < own && at >= gap;
      if (up) place = top + height - slot.height;
      if (down && at === gap) place = top;
      if (at !== own) card.style.transform = up || down ? `translateY(${up ? -room : room}px)` : "";
    });
    slot.card.style.transform = `translateY(${carriedBy()}px)`;
    const frame = mark();
    if (frame === undefined) return;
    frame.style.transform = `translateY(${place - (slots[0]?.top ?? 0)}px)`;
    frame.style.blockSize = `${slot.height}px`;
    frame.dataset["gap"] = String(gap);
  }

  /** How far the card is from where it lay. */
  function carriedBy(): number {
    return press === null ? 0 : last - press.y + list.scrollTop - press.scroll;
  }

  /** The gap into which the middle of the card points. */
  function gapUnder(): number {
    if (carried === null) return 0;
    const { slots, own, slot } = carried;
    const by = carriedBy();
    // The edge that goes ahead counts, so that a high card changes places with a low one when it covers half of that.
    const y = by > 0 ? slot.top + slot.height + by : slot.top + by;
    const gap = gapAt(
      slots.map((each) => each.top + each.height / 2),
      y,
    );
    return by > 0 ? Math.max(own + 1, gap) : Math.min(own, gap);
  }

  function scroll() {
    if (carried === null) return;
    const { top, bottom } = list.getBoundingClientRect();
    const by = last < top + EDGE_PX ? -SCROLL_PX : last > bottom - EDGE_PX ? SCROLL_PX : 0;
    const before = list.scrollTop;
    // Not beyond the end: the carried card itself would make the list longer and longer.
    const end = carried.slots.at(-1);
    const most = end === undefined ? 0 : end.top + end.height + GAP_PX - list.clientHeight;
    if (by !== 0) list.scrollTop = Math.min(before + by, most);
    if (list.scrollTop !== before) draw();
    frame = requestAnimationFrame(scroll);
  }

  function up(event: PointerEvent) {
    if (press === null || event.pointerId !== press.pointer) return;
    const alias = press.card.dataset["alias"];
    const gap = carried === null ? null : gapUnder();
    // The others have made room, and stay there; the card glides into it from where it is.
    delete list.dataset["carrying"];
    if (gap !== null && alias !== undefined) put(alias, gap);
    end();
  }

  function end() {
    cancelAnimationFrame(frame);
    if (press !== null && carried !== null) {
      for (const { card } of carried.slots) card.style.transform = "";
      delete press.card.dataset["carried"];
      delete list.dataset["carrying"];
      mark()?.removeAttribute("data-gap");
    }
    press = null;
    carried = null;
  }

  /** Escape puts the card back, and does nothing else. */
  function key(event: KeyboardEvent) {
    if (carried === null || event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end();
  }

  list.addEventListener("pointerdown", down);
  list.addEventListener("pointermove", move);
  list.addEventListener("pointerup", up);
  list.addEventListener("pointercancel", end);
  list.addEventListener("lostpointercapture", end);
  window.addEventListener("keydown", key, { capture: true });
  return () => {
    end();
    list.removeEventListener("pointerdown", down);
    list.removeEventListener("pointermove", move);
    list.removeEventListener("pointerup", up);
    list.removeEventListener("pointercancel", end);
    list.removeEventListener("lostpointercapture", end);
    window.removeEventListener("keydown", key, { capture: true });
  };
}
