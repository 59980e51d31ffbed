// Choices that are drawn before a board carries them: an order made by hand, and the way the board is drawn.
import { describe, expect, test } from "vitest";
import type { Board } from "../src/generated/Board";
import type { Card } from "../src/generated/Card";
import { derive, initialState, reduce, viewOf, visibleProblem, type Action, type State } from "../src/store";
import { board, card, problem, VIEW } from "./boards";

function after(...actions: Action[]): State {
  return actions.reduce(reduce, initialState);
}

const arrived = (each: Board): Action => ({ kind: "boardArrived", board: each });

describe("an order that was made by hand", () => {
  const wished = (turn: number, ...aliases: string[]): Action => ({ kind: "orderWished", turn, aliases });
  const order = (state: State) =>
    derive(state.confirmed, state.pending, state.wishedOrder?.value)
      .cards.map((each) => each.card.alias)
      .join(" ");
  const [work, personal, side] = board().cards as [Card, Card, Card];

  test("is drawn at once, and over boards that do not know it yet", () => {
    const state = after(arrived(board()), wished(1, "side", "work", "personal"), arrived(board({ rev: 2 })));
    expect(order(state)).toBe("side work personal");
  });

  test("is let go when a board has it", () => {
    const state = after(
      arrived(board()),
      wished(1, "side", "work", "personal"),
      arrived(board({ rev: 2, cards: [side, work, personal] })),
      arrived(board({ rev: 3 })),
    );
    expect(order(state)).toBe("work personal side");
  });

  test("is let go with the first board after its answer, whatever became of it", () => {
    const answered = after(arrived(board()), wished(1, "side", "work", "personal"), {
      kind: "wishAnswered",
      turn: 1,
    });
    expect(order(answered)).toBe("side work personal");
    expect(order(reduce(answered, arrived(board({ rev: 2 }))))).toBe("work personal side");
  });

  test("outlives the answer to the one before it", () => {
    const state = after(
      arrived(board()),
      wished(1, "side", "work", "personal"),
      wished(2, "side", "personal", "work"),
      { kind: "wishAnswered", turn: 1 },
      arrived(board({ rev: 2, cards: [side, work, personal] })),
    );
    expect(order(state)).toBe("side personal work");
  });

  test("falls back when it is refused, and says why", () => {
    const state = after(arrived(board()), wished(1, "side", "work", "personal"), {
      kind: "wishRefused",
      turn: 1,
      problem: problem({ code: "store", message: "Cannot save the order: the disk is full" }),
    });
    expect(order(state)).toBe("work personal side");
    expect(visibleProblem(state)?.code).toBe("store");
  });

  test("puts a profile that it does not know behind all others", () => {
    const state = after(
      arrived(board()),
      wished(1, "side", "work", "personal"),
      arrived(board({ rev: 2, cards: [card("new"), work, personal, side] })),
    );
    expect(order(state)).toBe("side work personal new");
  });
});

describe("the way the board is drawn", () => {
  const compact = { ...VIEW, compact: true };
  const wished: Action = { kind: "viewWished", turn: 1, view: compact };

  test("is the board's", () => {
    expect(viewOf(after(arrived(board({ view: compact }))))).toEqual(compact);
  });

  test("changes at once, stays while boards come, and goes by the board that grants it", () => {
    const during = after(arrived(board()), wished, arrived(board({ rev: 2 })));
    expect(viewOf(during)).toEqual(compact);
    const granted = reduce(during, arrived(board({ rev: 3, view: { ...compact } })));
    expect([granted.wishedView, viewOf(granted)]).toEqual([null, compact]);
  });

  test("falls back when it is refused", () => {
    const state = after(arrived(board()), wished, { kind: "wishRefused", turn: 1, problem: problem() });
    expect(viewOf(state)).toEqual(VIEW);
  });
});
