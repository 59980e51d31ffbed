// Which page of the Rotate wizard a situation makes, and what a look at the sign-in changes.
import { expect, test } from "vitest";
import type { Step } from "../src/generated/Step";
import type { Kept, UnderWay } from "../src/rotate/backend";
import {
  anew,
  done,
  due,
  INITIAL,
  looked,
  nextDue,
  nextOp,
  over,
  pageOf,
  remembered,
  STAGES,
  stageOf,
  settled,
  switchState,
  type Situation,
} from "../src/rotate/store";
import { endsIn } from "../src/rotate/words";
import { board, card } from "./boards";

const NOW = new Date(2026, 10, 22, 12).getTime();
const DAY = 86_400_000;

const underWay = (step: Step, change: Partial<UnderWay> = {}): UnderWay => ({
  alias: "side",
  email: "side@example.com",
  way: "isolated",
  begunAt: NOW,
  until: NOW + 900_000,
  unasked: false,
  window: "0123456789abcdef",
  step,
  opened: null,
  trouble: null,
  ...change,
});
const kept: Kept = {
  alias: "side",
  email: "side@example.com",
  plan: null,
  organization: null,
  deadline: null,
  isNew: false,
  isLive: false,
};
const stale = (alias: string) => card(alias, { action: "signIn" });
const situation = (change: Partial<Situation> = {}): Situation => ({
  ...INITIAL,
  board: board({ cards: [card("work", { active: true, action: "none" }), stale("side"), stale("lab")] }),
  wanted: { alias: "side", due: false },
  looked: true,
  ...change,
});
const found = (fits: "yes" | "another") => ({
  email: "b@example.com",
  plan: null,
  organization: null,
  deadline: null,
  fits:
    fits === "yes" ? { kind: "yes" as const } : { kind: "another" as const, expected: "side@example.com" },
});

test("every step of a sign-in has its page, and the rail only goes forward with them", () => {
  const steps: [Situation, string][] = [
    [INITIAL, "loading"],
    [situation(), "plan"],
    [situation({ busy: "begin" }), "beginning"],
    [situation({ underWay: underWay({ kind: "starting" }) }), "starting"],
    [situation({ underWay: underWay({ kind: "browser", page: "https://claude.ai/" }) }), "browser"],
    [situation({ underWay: underWay({ kind: "terminal" }) }), "terminal"],
    [situation({ underWay: underWay({ kind: "failed", said: null }) }), "failed"],
    [situation({ underWay: underWay({ kind: "signedIn" }) }), "checking"],
    [situation({ underWay: underWay({ kind: "signedIn" }), found: found("another") }), "wrong"],
    [situation({ underWay: underWay({ kind: "signedIn" }), found: found("yes") }), "confirm"],
    [situation({ kept }), "done"],
  ];
  const pages = steps.map(([each]) => pageOf(each));
  expect(pages.map((page) => page.kind)).toEqual(steps.map(([, kind]) => kind));
  const places = pages.map((page) => STAGES.indexOf(stageOf(page)));
  expect(places).toEqual([...places].sort((a, b) => a - b));
});

test("a sign-in that is gone was out of time, or ended by somebody else", () => {
  const waiting = situation({ underWay: underWay({ kind: "terminal" }) });
  expect(looked(waiting, null, NOW + 900_000).over?.why).toBe("timeUp");
  expect(looked(waiting, null, NOW + 1).over?.why).toBe("elsewhere");
  // A login that waits for a yes does not run out of time.
  const signedIn = situation({ underWay: underWay({ kind: "signedIn" }) });
  expect(looked(signedIn, null, NOW + 900_000).over?.why).toBe("elsewhere");
  expect(looked(situation(), null, NOW).over).toBeNull();
});

test("a window that is opened in the middle shows where the sign-in stands", () => {
  const opened = looked({ ...situation(), looked: false }, underWay({ kind: "terminal" }), NOW);
  expect(pageOf(opened).kind).toBe("terminal");
  // Asked for another profile meanwhile, it goes on with the one that is under way.
  expect(pageOf(anew(opened, { alias: "lab", due: false })).kind).toBe("terminal");
});

test("what an attempt came to is forgotten with the next one, and not with the next look", () => {
  const before = situation({ underWay: underWay({ kind: "signedIn" }), found: found("another") });
  expect(looked(before, underWay({ kind: "signedIn" }), NOW).found).not.toBeNull();
  const next = looked(before, underWay({ kind: "starting" }, { begunAt: NOW + 5 }), NOW + 5);
  expect(next.found).toBeNull();
});

test("a profile whose window comes up by itself needs nobody, and one that has stalled does", () => {
  const cards = [
    card("work", { active: true, action: "none" }),
    card("side", { action: "signIn", bootstrap: { kind: "due" } }),
    card("lab", { action: "signIn", bootstrap: { kind: "ready" } }),
    card("near", { bootstrap: { kind: "stalled", since: NOW } }),
    stale("old"),
  ];
  expect(due(situation({ board: board({ cards }) })).map((each) => each.alias)).toEqual(["near", "old"]);
});

test("profiles that were dealt with are not due again in this window", () => {
  const all = situation({ wanted: { alias: null, due: true } });
  expect(due(all).map((each) => each.alias)).toEqual(["side", "lab"]);
  const gaveUp = over(
    { ...all, underWay: underWay({ kind: "terminal" }) },
    { alias: "side", way: "classic", why: "cancelled" },
  );
  expect(nextDue(gaveUp)?.alias).toBe("lab");
  // Somebody else's login was kept: neither of the two is asked for again.
  const other = done({ ...all, underWay: underWay({ kind: "signedIn" }) }, { ...kept, alias: "lab" });
  expect(nextDue(other)).toBeNull();
  expect(due(anew(gaveUp, { alias: "side", due: false })).map((each) => each.alias)).toContain("side");
});

test("a reopened queue knows who was dealt with, until nobody is left in it", () => {
  const all = situation({ wanted: { alias: null, due: true } });
  const skipped = (alias: string, passed: readonly string[]) =>
    over(
      { ...all, passed, underWay: underWay({ kind: "terminal" }, { alias }) },
      { alias, way: "isolated", why: "cancelled" },
    );
  expect(remembered(all)).toEqual([]);
  const first = skipped("side", []);
  expect(remembered(first)).toEqual(["side"]);
  const reopened = settled(anew({ ...situation(), passed: ["side"] }, { alias: null, due: true }));
  expect(pageOf(reopened)).toMatchObject({ kind: "plan", cards: [{ alias: "lab" }] });
  expect(remembered(reopened)).toEqual(["side"]);
  // Whoever was skipped is due again in the next queue, also in a window that stays open, or that never saw the end of this one.
  const last = skipped("lab", ["side"]);
  expect([last.passed, remembered(last)]).toEqual([["side", "lab"], []]);
  const next = settled(anew(last, { alias: null, due: true }));
  expect(pageOf(next)).toMatchObject({ kind: "plan", cards: [{ alias: "side" }, { alias: "lab" }] });
  // Nothing is forgotten before the board is there, or while the last one signs in.
  expect(remembered({ ...reopened, board: null })).toEqual(["side"]);
  expect(
    remembered({ ...last, over: null, underWay: underWay({ kind: "starting" }, { alias: "lab" }) }),
  ).toEqual(["side", "lab"]);
});

test("a switch from the last page lands, fails or is refused", () => {
  const asked = situation({ kept, switched: { op: 4, refused: null } });
  const answered = (change: Parameters<typeof board>[0]) =>
    switchState({ ...asked, board: board({ ackedOp: 4, ...change }) });
  expect(switchState(situation({ kept }))).toBe("none");
  expect(switchState(asked)).toBe("switching");
  expect(answered({ cards: [card("side", { active: true })] })).toBe("landed");
  const problem = {
    code: "busy" as const,
    message: "Cannot",
    nextStep: { kind: "retry" as const },
    about: null,
  };
  expect(answered({ problem })).toEqual(problem);
  expect(switchState({ ...asked, switched: { op: 4, refused: problem } })).toEqual(problem);
  expect(nextOp({ ...asked, board: board({ ackedOp: 9 }) })).toBe(10);
});

test("a deadline says how many days, and the day", () => {
  expect(endsIn(NOW + 30 * DAY, NOW)).toBe("ends in 30 days, on 22 Dec");
  expect(endsIn(NOW + 30 * DAY - 4_000, NOW)).toBe("ends in 30 days, on 22 Dec");
  expect(endsIn(NOW + 60 * DAY, NOW)).toContain("2027");
  expect(endsIn(NOW - 1, NOW)).toBe("has ended already");
});
