// Who follows a new board: the cards in sight at once, the others a few at a time, and all of them when more than a reading is newer.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Card } from "../src/generated/Card";
import { Place, sameButReadings, Sight } from "../src/sight.svelte";
import type { CardView } from "../src/store";
import { card, meter, NOW, usage } from "./boards";

const view = (change: Partial<Card> = {}, state: CardView["state"] = "parked"): CardView => ({
  card: card("work", change),
  state,
  button: "switch",
  enabled: true,
  recommended: false,
});

describe("two views of a card say the same but for what was read", () => {
  const now = view();

  test.each<[string, Partial<Card>]>([
    ["nothing", {}],
    ["a percentage", { usage: usage([meter({ percent: 95, severity: "critical" })]) }],
    ["the time of a check", { badge: { level: "green", reason: { kind: "checked", at: NOW + 1 } } }],
  ])("when %s is newer", (_, change) => {
    expect(sameButReadings(now, view(change))).toBe(true);
  });

  test.each<[string, CardView]>([
    ["its name", view({ alias: "job" })],
    ["what is hidden", view({ email: "••••••" })],
    ["whether there is a reading", view({ usage: null })],
    ["the colour of its badge", view({ badge: { level: "red", reason: { kind: "checked", at: NOW } } })],
    ["the reason of its badge", view({ badge: { level: "green", reason: { kind: "unconfirmed" } } })],
    ["its deadline", view({ deadline: { at: NOW, assumed: false } })],
    ["its state", view({}, "active")],
    ["its button", { ...now, enabled: false }],
  ])("but not when %s is", (_, other) => {
    expect(sameButReadings(now, other)).toBe(false);
  });
});

describe("the cards of a list", () => {
  let tell: (entries: Pick<IntersectionObserverEntry, "target" | "isIntersecting">[]) => void;
  const elements = Array.from({ length: 6 }, () => ({ closest: () => null }) as unknown as Element);
  const places = elements.map(() => new Place());
  const turns = () => places.map((place) => place.turn);

  beforeEach(() => {
    const observer = { observe: vi.fn(), unobserve: vi.fn() };
    vi.stubGlobal(
      "IntersectionObserver",
      vi.fn(function (told: typeof tell) {
        tell = told;
        return observer;
      }),
    );
  });
  afterEach(() => vi.unstubAllGlobals());

  test("follow in turns of four where they are out of sight, and one that left the list is not waited for", () => {
    const sight = new Sight();
    const leave = elements.map((element, at) => sight.watch(element, places[at] as Place));
    sight.letFollow();
    expect(turns(), "assumed to be in sight").toEqual([0, 0, 0, 0, 0, 0]);

    tell(elements.slice(1).map((target) => ({ target, isIntersecting: false })));
    sight.letFollow();
    expect(turns()).toEqual([0, 1, 1, 1, 1, 0]);
    sight.letFollow();
    expect(turns()).toEqual([0, 1, 1, 1, 1, 1]);

    leave[1]?.();
    tell([{ target: elements[2] as Element, isIntersecting: true }]);
    sight.letFollow();
    expect(turns()).toEqual([0, 1, 1, 2, 2, 2]);
  });
});
