// Which key means what in the board window. Pure: from a key press to an order; carrying it out is `Board.svelte`'s.

export type Order = "close" | "refresh" | "activity" | "next" | "previous" | "first" | "last" | "swallow";

export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const MOVES: Readonly<Record<string, Order>> = {
  ArrowDown: "next",
  ArrowUp: "previous",
  Home: "first",
  End: "last",
};

/** The order that a key press gives, or null. `typing`: the focus is in a text field, where arrows move the caret. */
export function orderOf(press: Press, typing: boolean): Order | null {
  const command = press.ctrlKey || press.metaKey;
  const key = press.key.toLowerCase();
  if (press.altKey) return null;
  if (command && key === "r") return "refresh";
  if (command && key === "y") return "activity";
  // Reloading or quitting the page would only blank the window; the tray's menu quits the app.
  if (command && key === "q") return "swallow";
  if (command) return null;
  if (press.key === "F5") return "refresh";
  if (press.key === "Escape") return "close";
  return typing ? null : (MOVES[press.key] ?? null);
}

/** The place that an order moves to in a list of `count`, from `from` (-1: nowhere). Stops at both ends. */
export function moved(order: Order, from: number, count: number): number {
  const last = count - 1;
  switch (order) {
    case "next":
      return Math.min(last, from + 1);
    case "previous":
      return from < 0 ? last : Math.max(0, from - 1);
    case "first":
      return 0;
    case "last":
      return last;
    default:
      return from;
  }
}
