// A made-up sign-in for a plain browser: every step of it, and everything that can go wrong. Loaded only when the page stands
// outside the app; nothing in it reaches a login.
// In the address: ?scene=browser&delay=800&signs=wrong&theme=dark&hides=always&long=1&press=keep
// `scene` is where it stands at first; `signs` is who signs in once a page is open for a while (`right`, `wrong`, `owner`, `nobody`); `fail` names a
// call that is refused; `press` clicks the first button of each `data-action` in turn.
import type { Board } from "../generated/Board";
import type { Card } from "../generated/Card";
import type { Found } from "../generated/Found";
import type { Problem } from "../generated/Problem";
import type { Step } from "../generated/Step";
import { board as boardOf, card, DAY, lab, MINUTE, personal, SECOND, side, work } from "../fake/cards";
import type { Means, Place, RotateBackend, UnderWay, Wanted } from "./backend";

const DELAY_MS = 400;
const PRESS_EVERY_MS = 300;
const PAGE = "https://claude.ai/oauth/authorize?code=true&client_id=made-up&state=made-up";
const LONG = "northwind-research-production-01";
const LONG_EMAIL = "maximiliane.von-und-zu-hohenstein@subdivision.northwind-research.example";

type Signs = "right" | "wrong" | "owner" | "nobody";

/** Where a scene begins. */
interface Scene {
  readonly wanted: Wanted;
  readonly step?: Step;
  readonly signs?: Signs;
  readonly means?: Partial<Means>;
  readonly classic?: true;
  /** The call that is refused. */
  readonly fail?: string;
  readonly opened?: Place | null;
  readonly left?: number;
}

const ONE: Wanted = { alias: "old-lab", due: false };
const NEW: Wanted = { alias: null, due: false };
const ALL: Wanted = { alias: null, due: true };
const OLD: Partial<Means> = { ability: { kind: "tooOld", version: "1.0.60" } };
const BROWSER: Step = { kind: "browser", page: PAGE };
const SIGNED_IN: Step = { kind: "signedIn" };

const SCENES = {
  plan: { wanted: ONE },
  due: { wanted: ALL },
  new: { wanted: NEW },
  live: { wanted: { alias: "work", due: false } },
  classic: { wanted: ONE, means: OLD },
  missing: { wanted: ONE, means: { ability: { kind: "notInstalled" } } },
  nothing: { wanted: ALL, signs: "nobody" },
  starting: { wanted: ONE, step: { kind: "starting" } },
  browser: { wanted: ONE, step: BROWSER, opened: "shared" },
  own: { wanted: ONE, step: BROWSER, opened: "own" },
  "browser-new": { wanted: NEW, step: BROWSER, opened: "shared" },
  late: { wanted: ONE, step: BROWSER, opened: "shared", left: 42 * SECOND },
  trouble: { wanted: ONE, step: BROWSER, opened: null },
  terminal: { wanted: ONE, step: { kind: "terminal" }, means: OLD, classic: true },
  failed: { wanted: ONE, step: { kind: "failed", said: "Login failed: No authorization code received" } },
  silent: { wanted: ONE, step: { kind: "failed", said: null } },
  offline: { wanted: ONE, step: SIGNED_IN, fail: "check" },
  confirm: { wanted: ONE, step: SIGNED_IN, signs: "right" },
  "confirm-new": { wanted: NEW, step: SIGNED_IN, signs: "right" },
  "confirm-live": { wanted: { alias: "work", due: false }, step: SIGNED_IN, signs: "right" },
  wrong: { wanted: ONE, step: SIGNED_IN, signs: "wrong" },
  owner: { wanted: ONE, step: SIGNED_IN, signs: "owner" },
  "owner-new": { wanted: NEW, step: SIGNED_IN, signs: "owner" },
  refused: { wanted: ONE, fail: "begin" },
  unkept: { wanted: ONE, step: SIGNED_IN, signs: "right", fail: "keep" },
  queue: { wanted: ALL, step: SIGNED_IN, signs: "right" },
} satisfies Readonly<Record<string, Scene>>;

/** The names of all scenes. */
export const sceneNames = Object.keys(SCENES) as (keyof typeof SCENES)[];

/** A backend that plays the scene which the address names. */
export function fakeBackend(query: URLSearchParams): RotateBackend {
  dress(query);
  const scene: Scene = SCENES[(query.get("scene") ?? "plan") as keyof typeof SCENES] ?? SCENES.plan;
  const delay = Number(query.get("delay") ?? DELAY_MS);
  const fail = query.get("fail") ?? scene.fail;
  const signs = (query.get("signs") ?? scene.signs ?? "nobody") as Signs;
  const long = query.has("long");
  const named = (alias: string) => (long && alias === "old-lab" ? LONG : alias);
  let board = boardFor(scene, query, named);
  let underWay = scene.step === undefined ? null : attempt(scene, scene.step, board, named);
  const listeners = new Set<(board: Board) => void>();
  const publish = (change: Partial<Board>) => {
    board = { ...board, ...change, rev: board.rev + 1, now: Date.now() };
    for (const listener of listeners) listener(board);
  };
  const wait = () => new Promise((done) => setTimeout(done, delay));
  const call = async (name: string) => {
    await wait();
    if (fail === name) throw refusal(name);
  };
  const step = (next: Step) => {
    if (underWay !== null) underWay = { ...underWay, step: next };
  };
  const play = async (place: Place) => {
    step({ kind: "starting" });
    await wait();
    step(scene.classic ? { kind: "terminal" } : BROWSER);
    await wait();
    if (underWay !== null) underWay = { ...underWay, opened: place };
    await wait();
    if (signs !== "nobody") step(SIGNED_IN);
  };

  return {
    board: () => Promise.resolve(board),
    onBoard(f) {
      listeners.add(f);
      return () => listeners.delete(f);
    },
    wanted: () =>
      Promise.resolve({
        ...scene.wanted,
        alias: scene.wanted.alias === null ? null : named(scene.wanted.alias),
        passed: [],
      }),
    remember: () => Promise.resolve(),
    onWanted: () => () => undefined,
    async means() {
      await wait();
      return {
        ability: { kind: "isolated" },
        own: query.has("alone") ? null : "Chrome",
        presses: null,
        ...scene.means,
      };
    },
    underWay: () => Promise.resolve(underWay),
    async begin(alias, place) {
      await call("begin");
      underWay = attempt(
        { ...scene, wanted: { alias, due: false } },
        { kind: "starting" },
        board,
        (name) => name,
      );
      underWay = { ...underWay, alias, opened: null, trouble: null };
      void play(place);
    },
    async check() {
      await call("check");
      return found(underWay, signs === "nobody" ? "right" : signs);
    },
    async keep(keep) {
      await call("keep");
      const { email, plan, organization, deadline } = found(underWay, signs);
      const alias =
        keep.kind === "asNew"
          ? keep.alias
          : keep.kind === "forItsOwner"
            ? "personal"
            : (underWay?.alias ?? "");
      const isNew = !board.cards.some((each) => each.alias === alias);
      const isLive =
        scene.classic === true || board.cards.some((each) => each.active && each.alias === alias);
      underWay = null;
      publish({ cards: renewed(board.cards, alias, email, isNew) });
      return { alias, email, plan, organization, deadline, isNew, isLive };
    },
    async again(place) {
      await call("again");
      if (underWay !== null)
        underWay = { ...underWay, begunAt: Date.now(), until: Date.now() + 15 * MINUTE, opened: null };
      void play(place);
    },
    async answer() {
      await call("answer");
      step(SIGNED_IN);
    },
    async cancel() {
      await call("cancel");
      underWay = null;
    },
    async openPage(place) {
      await call("open");
      if (underWay !== null) underWay = { ...underWay, opened: place, trouble: null };
    },
    async useProfile(op, alias) {
      publish({ switching: { op, alias } });
      await wait();
      const cards = board.cards.map((each): Card => ({ ...each, active: each.alias === alias }));
      publish(
        fail === "switch"
          ? { switching: null, ackedOp: op, problem: refusal("switch") }
          : { switching: null, ackedOp: op, cards },
      );
    },
    async close() {
      document.title = "closed";
    },
  };
}

function dress(query: URLSearchParams): void {
  const theme = query.get("theme");
  if (theme !== null) document.documentElement.dataset["theme"] = theme;
  const presses = query.get("press")?.split(",") ?? [];
  presses.forEach((action, turn) => {
    const press = () => document.querySelector<HTMLElement>(`[data-action="${action}"]`)?.click();
    setTimeout(press, PRESS_EVERY_MS * (turn + 2));
  });
}

function boardFor(scene: Scene, query: URLSearchParams, named: (alias: string) => string): Board {
  const now = Date.now();
  const stale = (alias: string, email: string): Card => ({ ...lab(now), id: alias, alias, email });
  const nothing = scene.wanted.due && scene.signs === "nobody";
  const old = { ...lab(now), id: named("old-lab"), alias: named("old-lab") };
  if (query.has("long"))
    Object.assign(old, {
      email: LONG_EMAIL,
      organization: "Northwind Research and Development Laboratories",
    });
  const dueToo = scene.wanted.due
    ? [stale("client-north", "north@example.com"), stale("teaching", "mara@school.example")]
    : [];
  const cards = nothing ? [work(now), personal(now)] : [work(now), personal(now), side(now), old, ...dueToo];
  const board = boardOf(now, cards);
  const hides = query.get("hides") as Board["view"]["hides"] | null;
  return hides === null ? board : { ...board, view: { ...board.view, hides } };
}

function attempt(scene: Scene, step: Step, board: Board, named: (alias: string) => string): UnderWay {
  const alias = named(scene.wanted.alias ?? (scene.wanted.due ? "old-lab" : "fresh"));
  const now = Date.now();
  const until = now + (scene.left ?? 14 * MINUTE + 32 * SECOND);
  return {
    alias,
    email: board.cards.find((each) => each.alias === alias)?.email ?? null,
    way: scene.classic === true ? "classic" : "isolated",
    begunAt: until - 15 * MINUTE,
    until,
    unasked: false,
    window: "0123456789abcdef",
    step,
    opened: scene.opened ?? null,
    trouble: scene.opened === null ? refusal("open") : null,
  };
}

function found(underWay: UnderWay | null, signs: Signs): Found {
  const deadline = Date.now() + 30 * DAY;
  const right = {
    email: underWay?.email ?? "somebody.new@example.com",
    plan: "Max 5×",
    organization: null,
    deadline,
  };
  if (signs === "owner") {
    return { ...right, email: "mara@example.org", fits: { kind: "anotherProfile", alias: "personal" } };
  }
  if (signs === "wrong") {
    const fits = { kind: "another" as const, expected: underWay?.email ?? "" };
    return { ...right, email: "m.k@home.example", plan: "Pro", fits };
  }
  return { ...right, organization: "Lab for Things", fits: { kind: "yes" } };
}

function renewed(cards: readonly Card[], alias: string, email: string, isNew: boolean): Card[] {
  const now = Date.now();
  const badge: Card["badge"] = { level: "green", reason: { kind: "checked", at: now } };
  const kept = cards.map((each): Card =>
    each.alias === alias ? { ...each, badge, action: "switch" } : each,
  );
  return isNew ? [...kept, card(now, { alias, email })] : kept;
}

function refusal(call: string): Problem {
  const about = "old-lab";
  if (call === "open") {
    const message = "Cannot open the page: no browser could be started";
    return { code: "internal", message, nextStep: { kind: "retry" }, about };
  }
  if (call === "check") {
    const message =
      "Cannot sign in to old-lab: the server could not be asked whose login this is: it cannot be reached";
    return { code: "provider", message, nextStep: { kind: "checkNetwork" }, about };
  }
  if (call === "keep") {
    const message =
      "Cannot sign in to old-lab: there is no room on the disk for /home/mara/.local/share/signalbox/creds";
    const nextStep = { kind: "freeSpace", path: "/home/mara/.local/share/signalbox/creds" } as const;
    return { code: "store", message, nextStep, about };
  }
  const message = "Cannot sign in to old-lab: another sign-in is under way, to `side-project`";
  return { code: "busy", message, nextStep: { kind: "retry" }, about };
}
