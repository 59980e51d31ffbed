// What the store makes of boards and clicks: who is drawn as switching, what falls back, and which problem is shown.
import { describe, expect, test } from "vitest";
import type { Board } from "../src/generated/Board";
import { derive, initialState, nextOp, reduce, visibleProblem, type Action, type State } from "../src/store";
import { board, boardWith, card, meter, NOW, problem, usage } from "./boards";

function after(...actions: Action[]): State {
  return actions.reduce(reduce, initialState);
}

const arrived = (each: Board): Action => ({ kind: "boardArrived", board: each });
const asked = (op: number, alias: string): Action => ({ kind: "switchAsked", op, alias });

/** "work:active personal:parked": what each card is drawn as. */
function drawn(state: State): string {
  return derive(state.confirmed, state.pending)
    .cards.map((each) => `${each.card.alias}:${each.state}`)
    .join(" ");
}

function deepFrozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFrozen);
  return value;
}

describe("a refusal", () => {
  test("goes away with the next thing that this window did", () => {
    const refused = after(arrived(board()), {
      kind: "commandRefused",
      problem: problem({ message: "Cannot rename work: taken" }),
    });
    expect(visibleProblem(refused)?.message).toBe("Cannot rename work: taken");
    expect(visibleProblem(reduce(refused, { kind: "commandDone" }))).toBeNull();
  });

  test("leaves the board's own problem standing when it goes", () => {
    const state = after(arrived(board({ problem: problem({ message: "Cannot switch to side: no" }) })), {
      kind: "commandRefused",
      problem: problem({ message: "Cannot rename work: taken" }),
    });
    expect(visibleProblem(reduce(state, { kind: "commandDone" }))?.message).toBe("Cannot switch to side: no");
  });
});

describe("a click on Switch", () => {
  test("marks its card as switching and takes the accent from the active one", () => {
    const state = after(arrived(board()), asked(1, "personal"));
    expect(drawn(state)).toBe("work:parked personal:switching side:parked");
  });

  test("never edits the confirmed board", () => {
    const confirmed = deepFrozen(board());
    const state = after(arrived(confirmed), asked(1, "personal"));
    expect(state.confirmed).toBe(confirmed);
    expect(() => derive(state.confirmed, state.pending)).not.toThrow();
  });

  test("leaves every card with its own reading", () => {
    const own = (alias: string, percent: number) =>
      card(alias, { active: alias === "work", usage: usage([meter({ percent })]) });
    const state = after(
      arrived(board({ cards: [own("work", 82), own("personal", 6)] })),
      asked(1, "personal"),
    );
    const shown = derive(state.confirmed, state.pending).cards.map((each) => [
      each.card.alias,
      each.card.usage?.meters[0]?.percent,
    ]);
    expect(shown).toEqual([
      ["work", 82],
      ["personal", 6],
    ]);
  });

  test("never puts one account's reading on another's card, whatever boards and clicks come", () => {
    const aliases = ["work", "personal", "side"];
    // Every account has a percentage and a moment of its own, so that a reading on the wrong card is seen.
    const own = (alias: string, turn: number) =>
      usage([meter({ percent: 10 * aliases.indexOf(alias) + turn / 100 })], { readAt: NOW + turn });
    const turned = (turn: number, live: string, order: readonly string[]): Board =>
      board({
        rev: turn,
        ackedOp: turn - 2,
        cards: order.map((alias) =>
          card(alias, {
            active: alias === live,
            action: alias === live ? "none" : "switch",
            usage: own(alias, turn),
          }),
        ),
      });
    let state = after(arrived(turned(1, "work", aliases)));
    for (let turn = 2; turn < 40; turn++) {
      const target = aliases[turn % 3] ?? "work";
      state = reduce(state, asked(turn, target));
      state = reduce(state, { kind: "orderWished", turn, aliases: [...aliases].reverse() });
      for (const next of [state, reduce(state, arrived(turned(turn, target, aliases)))]) {
        state = next;
        for (const { card } of derive(state.confirmed, state.pending, state.wishedOrder?.value).cards) {
          const rev = state.confirmed?.rev ?? 0;
          expect(card.usage).toEqual(own(card.alias, rev));
        }
      }
    }
  });

  test("disables the other buttons and removes its own", () => {
    const { cards, target } = derive(board(), [{ op: 1, alias: "personal" }]);
    expect(target).toBe("personal");
    expect(cards.map((each) => [each.button, each.enabled])).toEqual([
      ["none", false],
      ["none", false],
      ["switch", false],
    ]);
  });

  test("on a profile that is gone by now marks nothing", () => {
    const state = after(arrived(board()), asked(1, "ghost"));
    expect(drawn(state)).toBe("work:active personal:parked side:parked");
  });
});

describe("a board that arrives", () => {
  test("replaces an older one", () => {
    expect(drawn(after(arrived(board()), arrived(boardWith("side", { rev: 2 }))))).toBe(
      "work:parked personal:parked side:active",
    );
  });

  test.each([1, 0])("is ignored when its rev is %i and 1 is shown", (rev) => {
    const state = after(arrived(board()));
    expect(reduce(state, arrived(boardWith("side", { rev })))).toBe(state);
  });

  test("keeps an unanswered click, whatever else it says", () => {
    const state = after(arrived(board()), asked(1, "personal"), arrived(board({ rev: 2, refreshing: true })));
    expect(drawn(state)).toBe("work:parked personal:switching side:parked");
  });

  test("drops the click that it acknowledges", () => {
    const state = after(
      arrived(board()),
      asked(1, "personal"),
      arrived(boardWith("personal", { rev: 2, ackedOp: 1 })),
    );
    expect(state.pending).toEqual([]);
    expect(drawn(state)).toBe("work:parked personal:active side:parked");
  });

  test("drops all clicks up to the one that it acknowledges, and no later one", () => {
    const state = after(
      arrived(board()),
      asked(1, "personal"),
      asked(2, "side"),
      arrived(board({ rev: 2, ackedOp: 1 })),
    );
    expect(state.pending).toEqual([{ op: 2, alias: "side" }]);
    expect(drawn(state)).toBe("work:parked personal:parked side:switching");
  });

  test("shows a switch that began elsewhere", () => {
    const switching = { op: 9, alias: "side" };
    expect(drawn(after(arrived(board({ switching }))))).toBe("work:parked personal:parked side:switching");
  });
});

describe("a switch that fails", () => {
  const failed = board({ rev: 2, ackedOp: 1, problem: problem() });

  test("falls back by itself and shows its problem", () => {
    const state = after(arrived(board()), asked(1, "personal"), arrived(failed));
    expect(drawn(state)).toBe("work:active personal:parked side:parked");
    expect(visibleProblem(state)).toEqual(problem());
  });

  test("is what Try again would repeat", () => {
    expect(after(arrived(board()), asked(1, "personal"), arrived(failed)).failed).toBe("personal");
  });

  test("shows the same problem again when it fails again in the same words", () => {
    const state = after(
      arrived(board()),
      asked(1, "personal"),
      arrived(failed),
      asked(2, "personal"),
      arrived({ ...failed, rev: 3, ackedOp: 2 }),
    );
    expect(visibleProblem(state)).toEqual(problem());
  });

  test("hides its problem while it is tried again", () => {
    const state = after(arrived(board()), asked(1, "personal"), arrived(failed), asked(2, "personal"));
    expect(visibleProblem(state)).toBeNull();
  });

  test("falls back at once when the command itself is refused", () => {
    const refused: Action = { kind: "switchRefused", op: 1, problem: problem({ code: "busy" }) };
    const state = after(arrived(board()), asked(1, "personal"), refused);
    expect(drawn(state)).toBe("work:active personal:parked side:parked");
    expect(visibleProblem(state)?.code).toBe("busy");
    expect(state.failed).toBe("personal");
  });

  test("leaves nothing to repeat once a later one lands", () => {
    const state = after(
      arrived(board()),
      asked(1, "personal"),
      arrived(failed),
      asked(2, "side"),
      arrived(boardWith("side", { rev: 3, ackedOp: 2 })),
    );
    expect(state.failed).toBeNull();
  });
});

describe("an active profile under which another account is live", () => {
  const drifted = card("work", {
    active: true,
    action: "switch",
    badge: { level: "red", reason: { kind: "drifted" } },
  });
  const cards = [drifted, card("personal")];

  test("can be switched back to", () => {
    expect(derive(board({ cards }), []).cards[0]).toMatchObject({
      state: "stranded",
      button: "switch",
      enabled: true,
    });
    expect(drawn(after(arrived(board({ cards })), asked(1, "work")))).toBe("work:switching personal:parked");
  });

  test("is what Try again would repeat when that fails", () => {
    const state = after(
      arrived(board({ cards })),
      asked(1, "work"),
      arrived(board({ rev: 2, cards, ackedOp: 1, problem: problem() })),
    );
    expect(state.failed).toBe("work");
  });

  test("is not the recommended one", () => {
    expect(derive(board({ cards }), []).cards.map((each) => each.recommended)).toEqual([false, true]);
  });
});

describe("a problem", () => {
  const troubled = arrived(board({ problem: problem() }));

  test("stays closed while boards still carry it", () => {
    const state = after(
      troubled,
      { kind: "problemDismissed" },
      arrived(board({ rev: 2, problem: problem() })),
    );
    expect(visibleProblem(state)).toBeNull();
  });

  test("is shown again when it came back after it was gone", () => {
    const state = after(
      troubled,
      { kind: "problemDismissed" },
      arrived(board({ rev: 2 })),
      arrived(board({ rev: 3, problem: problem() })),
    );
    expect(visibleProblem(state)).toEqual(problem());
  });

  test("that is another one is shown although the first was closed", () => {
    const other = problem({ message: "Cannot read usage: the provider asks to wait." });
    const state = after(troubled, { kind: "problemDismissed" }, arrived(board({ rev: 2, problem: other })));
    expect(visibleProblem(state)).toEqual(other);
  });

  test("of a refused command goes when the board takes it over and then lets it go", () => {
    const refused: Action = { kind: "commandRefused", problem: problem() };
    const state = after(
      arrived(board()),
      refused,
      arrived(board({ rev: 2, problem: problem() })),
      arrived(board({ rev: 3 })),
    );
    expect(visibleProblem(state)).toBeNull();
  });

  test("of a refused command is not something that Try again could switch to", () => {
    const state = after(
      arrived(board()),
      asked(1, "personal"),
      arrived(board({ rev: 2, ackedOp: 1, problem: problem() })),
      { kind: "commandRefused", problem: problem({ code: "store" }) },
    );
    expect(state.failed).toBeNull();
  });
});

describe("the number of the next switch", () => {
  test.each([
    ["is 1 on a fresh board", after(arrived(board())), 1],
    ["is above what was acknowledged", after(arrived(board({ ackedOp: 7 }))), 8],
    [
      "is above the switch that runs",
      after(arrived(board({ ackedOp: 7, switching: { op: 8, alias: "side" } }))),
      9,
    ],
    ["is above this window's own", after(arrived(board({ ackedOp: 1 })), asked(4, "side")), 5],
  ])("%s", (_sentence, state, expected) => {
    expect(nextOp(state)).toBe(expected);
  });
});

describe("the recommended profile", () => {
  const full = { usage: usage([meter({ percent: 97, severity: "critical" })]) };
  const recommended = (each: Board) =>
    derive(each, []).cards.find((view) => view.recommended)?.card.alias ?? null;

  test("is the first parked one", () => {
    expect(recommended(board())).toBe("personal");
  });

  test("is one with room left, when the first has none", () => {
    const cards = [card("work", { active: true, action: "none" }), card("personal", full), card("side")];
    expect(recommended(board({ cards }))).toBe("side");
  });

  test("is the first parked one when none has room left", () => {
    const cards = [
      card("work", { active: true, action: "none" }),
      card("personal", full),
      card("side", full),
    ];
    expect(recommended(board({ cards }))).toBe("personal");
  });

  test("is none when every parked login has to be made anew", () => {
    const cards = [card("work", { active: true, action: "none" }), card("lab", { action: "signIn" })];
    expect(recommended(board({ cards }))).toBeNull();
  });
});

test("a setup-token whose year is over cannot be switched to, only replaced", () => {
  const ended = card("ci", { setupToken: true, action: "newToken", usage: null });
  const cards = [card("work", { active: true, action: "none" }), ended];
  const drawn = derive(board({ cards }), []).cards[1];
  expect([drawn?.button, drawn?.recommended]).toEqual(["newToken", false]);
});

test("before the first board there is nothing to draw", () => {
  expect(derive(null, [])).toEqual({ cards: [], target: null, live: null });
});

test("a refresh is asked for until its command returns", () => {
  const during = after(arrived(board()), { kind: "refreshAsked" });
  expect([during.refreshAsked, reduce(during, { kind: "refreshReturned" }).refreshAsked]).toEqual([
    true,
    false,
  ]);
});
