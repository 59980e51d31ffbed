// The backend for a plain browser: scenes that answer like the app, slowly enough to watch. Loaded only when the page
// stands outside the app; nothing in it reaches a login.
// `#terms` at its end shows the sheet of the first run. In the address: ?scene=normal&theme=dark&platform=macos&delay=1200&fail=1&history=none&beat=500&press=more,ask-undo
// `beat` publishes a board with other numbers for everybody every so many milliseconds. `press` clicks the first button of each `data-action` in turn, for pictures of what opens by a click.
import type { Backend } from "../backend";
import type { Board } from "../generated/Board";
import type { Card } from "../generated/Card";
import type { Meter } from "../generated/Meter";
import type { Problem } from "../generated/Problem";
import { history, scene } from "./scenes";

const DELAY_MS = 1_200;
const PRESS_EVERY_MS = 250;

/** A backend that plays the scene which the address names. */
export function fakeBackend(query: URLSearchParams): Backend {
  dress(query);
  const delay = Number(query.get("delay") ?? DELAY_MS);
  const fails = query.has("fail");
  let board = scene(query.get("scene"), Date.now());
  let byHand: string[] | null = null;
  const listeners = new Set<(board: Board) => void>();
  const publish = (change: Partial<Board>) => {
    board = { ...board, ...change, rev: board.rev + 1, now: Date.now() };
    for (const listener of listeners) listener(board);
  };
  const beat = Number(query.get("beat") ?? 0);
  if (beat > 0) setInterval(() => publish({ cards: board.cards.map(readOtherwise) }), beat);
  const wait = () => new Promise((done) => setTimeout(done, delay));

  return {
    first: null,
    board: () => Promise.resolve(board),
    onBoard(f) {
      listeners.add(f);
      return () => listeners.delete(f);
    },
    async useProfile(op, alias) {
      publish({ switching: { op, alias }, notice: null, problem: null });
      await wait();
      const over = { switching: null, ackedOp: op };
      publish(fails ? { ...over, problem: unreachable(alias) } : { ...over, ...landedOn(board, alias) });
    },
    async refresh() {
      publish({ refreshing: true });
      await wait();
      publish({ refreshing: false, cards: board.cards.map((card) => readAnew(card, fails)) });
    },
    async addProfile(alias, force) {
      await wait();
      if (fails && !force) throw drift(alias);
      publish({ cards: [...board.cards, added(alias, board)], live: { kind: "known", alias } });
    },
    async renameProfile(from, to) {
      await wait();
      if (fails) throw unreachable(from);
      const cards = board.cards.map((card) => (card.alias === from ? { ...card, alias: to } : card));
      const renamed = board.live.kind === "known" && board.live.alias === from;
      publish({ cards, live: renamed ? { kind: "known", alias: to } : board.live });
    },
    async removeProfile(alias) {
      await wait();
      if (fails) throw unreachable(alias);
      publish({ cards: board.cards.filter((card) => card.alias !== alias) });
    },
    async undo(alias) {
      await wait();
      if (fails) throw unreachable(alias);
      publish({ notice: `Went back to an earlier login of ${alias}.` });
    },
    async recentActivity() {
      return query.get("history") === "none" ? [] : history(Date.now());
    },
    async reorder(aliases) {
      await wait();
      if (fails) throw unreachable(aliases[0] ?? "");
      const place = (card: Card) => aliases.indexOf(card.alias);
      publish({ cards: [...board.cards].sort((a, b) => place(a) - place(b)) });
    },
    async setView(view) {
      await wait();
      if (fails) throw unreachable("");
      byHand ??= board.cards.map((card) => card.alias);
      const place = (card: Card) => byHand?.indexOf(card.alias) ?? 0;
      const key = view.order === "hand" ? place : leastUsed;
      publish({ view, cards: [...board.cards].sort((a, b) => key(a) - key(b)) });
    },
    async openHistory() {
      document.title = "history";
    },
    async openRotate(alias) {
      document.title = `sign in: ${alias ?? "another account"}`;
    },
    async dismissProblem() {
      publish({ problem: null });
    },
    async acceptTerms() {
      await wait();
      if (fails) throw unwritable();
    },
    async openPage(address) {
      if (fails) throw unwritable();
      document.title = address;
    },
    async closeBoard() {
      document.title = "closed";
    },
    async fitHeight(px) {
      document.documentElement.dataset["height"] = String(px);
    },
    async quit() {
      document.title = "quit";
    },
  };
}

function dress(query: URLSearchParams): void {
  const root = document.documentElement;
  const theme = query.get("theme");
  const platform = query.get("platform");
  if (theme !== null) root.dataset["theme"] = theme;
  if (platform !== null) root.dataset["platform"] = platform;
  const presses = query.get("press")?.split(",") ?? [];
  presses.forEach((action, turn) => {
    const press = () => document.querySelector<HTMLElement>(`[data-action="${action}"]`)?.click();
    setTimeout(press, PRESS_EVERY_MS * (turn + 1));
  });
}

function unreachable(alias: string): Problem {
  const message = `Cannot switch to ${alias}: the provider cannot be reached. work is still live.`;
  return { code: "provider", message, nextStep: { kind: "checkNetwork" }, about: alias };
}

function unwritable(): Problem {
  const message = "Cannot write down that you agreed: settings.toml cannot be written: the disk is full";
  return { code: "store", message, nextStep: { kind: "retry" }, about: null };
}

function drift(alias: string): Problem {
  const message =
    `Cannot add ${alias}: the live login changed from work (ada@example.org) to new@example.org outside Signalbox; ` +
    "if that was done with `/logout`, the server revoked the saved login of `work` as well, and it will need a new sign-in";
  return { code: "confirmation", message, nextStep: { kind: "confirm" }, about: alias };
}

function landedOn(board: Board, alias: string): Partial<Board> {
  const at = Date.now();
  const cards = board.cards.map((card): Card => {
    if (card.alias === alias) {
      return {
        ...card,
        active: true,
        action: "none",
        badge: { level: "green", reason: { kind: "synced", at } },
      };
    }
    if (!card.active) return card;
    return {
      ...card,
      active: false,
      action: "switch",
      badge: { level: "green", reason: { kind: "checked", at } },
    };
  });
  const notice = `Switched to ${alias}. 2 running sessions follow within 30 s.`;
  return { cards, live: { kind: "known", alias }, notice };
}

function readAnew(card: Card, fails: boolean): Card {
  if (fails || card.usage === null) return card;
  const at = Date.now();
  const { kind } = card.badge.reason;
  const badge: Card["badge"] =
    kind === "synced" || kind === "checked" ? { level: "green", reason: { kind, at } } : card.badge;
  return { ...card, badge, usage: { ...card.usage, readAt: at } };
}

/** The core's order of headroom. */
function leastUsed({ action, usage }: Card): number {
  if (action === "signIn" || action === "newToken") return Infinity;
  return usage?.meters[usage.tightest ?? 0]?.percent ?? Number.MAX_VALUE;
}

function readOtherwise(card: Card): Card {
  if (card.usage === null) return card;
  const meters = card.usage.meters.map((meter): Meter => {
    const percent = (meter.percent + 7) % 101;
    return { ...meter, percent, severity: percent >= 95 ? "critical" : percent >= 80 ? "warning" : "normal" };
  });
  return { ...readAnew(card, false), usage: { ...card.usage, readAt: Date.now(), meters } };
}

function added(alias: string, board: Board): Card {
  const email = board.live.kind === "unregistered" ? (board.live.email ?? "") : "";
  const at = Date.now();
  return {
    id: alias,
    alias,
    email,
    setupToken: false,
    plan: null,
    organization: null,
    active: true,
    badge: { level: "green", reason: { kind: "synced", at } },
    usage: null,
    deadline: { at: at + 7 * 86_400_000, assumed: true },
    older: 0,
    bootstrap: null,
    action: "none",
  };
}
