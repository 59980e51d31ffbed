// The order of the cards as the person makes it. Pure: lists and places in, lists out. Carrying a card with the pointer is
// `drag.ts`, the keys are `keyboard.ts`; the order itself is kept by the Rust side.
import type { Alias } from "./generated/Alias";

/** The list with `alias` moved into the gap `gap`: 0 is before the first, `aliases.length` behind the last. */
export function movedInto(aliases: readonly Alias[], alias: Alias, gap: number): readonly Alias[] {
  const from = aliases.indexOf(alias);
  // The two gaps beside it are where it is.
  if (from < 0 || gap === from || gap === from + 1) return aliases;
  const others = aliases.filter((each) => each !== alias);
  const to = gap > from ? gap - 1 : gap;
  return [...others.slice(0, to), alias, ...others.slice(to)];
}

/** Where a key moves a card to. */
export type Move = "up" | "down" | "top" | "bottom";

/** The gap that a card at `from` among `count` moves into. */
export function gapOf(move: Move, from: number, count: number): number {
  switch (move) {
    case "up":
      return Math.max(0, from - 1);
    case "down":
      return Math.min(count, from + 2);
    case "top":
      return 0;
    case "bottom":
      return count;
    default:
      return move satisfies never;
  }
}

/** The gap nearest to `y`, given the middle of each card from top to bottom. */
export function gapAt(middles: readonly number[], y: number): number {
  const after = middles.findIndex((middle) => y < middle);
  return after < 0 ? middles.length : after;
}

/** `items` in the order of `aliases`. What that does not name keeps its place behind all that it does. */
export function inOrder<T extends { readonly alias: Alias }>(
  items: readonly T[],
  aliases: readonly Alias[],
): readonly T[] {
  const places = new Map(aliases.map((alias, place) => [alias, place]));
  const place = (item: T) => places.get(item.alias) ?? aliases.length;
  return [...items].sort((a, b) => place(a) - place(b));
}
