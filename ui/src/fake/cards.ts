// The made-up profiles that scenes are put together from. Which situations there are is `scenes.ts`.
import type { Board } from "../generated/Board";
import type { Card } from "../generated/Card";
import type { Meter } from "../generated/Meter";
import type { Outlook } from "../generated/Outlook";
import type { Severity } from "../generated/Severity";
import type { SpendView } from "../generated/SpendView";
import type { UsageView } from "../generated/UsageView";

// Not from `format.ts`: what this file shares with the board would be split off into a chunk that the app then loads too.
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

function severity(percent: number): Severity {
  if (percent >= 95) return "critical";
  return percent >= 80 ? "warning" : "normal";
}

export function meter(
  now: number,
  short: string,
  percent: number,
  resetsIn: number | null,
  outlook: Outlook | null = null,
): Meter {
  const label = short === "5h" ? "5-hour" : short === "7d" ? "7-day" : short;
  const periodMs = short === "5h" ? 5 * HOUR : 7 * DAY;
  const resetsAt = resetsIn === null ? null : now + resetsIn;
  return { label, short, percent, resetsAt, periodMs, severity: severity(percent), outlook };
}

/** A reading, with the tightest window found as the core does it. */
export function reading(readAt: number, meters: Meter[], spend: SpendView | null = null): UsageView {
  const most = Math.max(...meters.map((each) => each.percent));
  const tightest = meters.length === 0 ? null : meters.findIndex((each) => each.percent === most);
  return { readAt, meters, tightest, spend };
}

interface Outline {
  alias: string;
  email: string;
  plan?: string | null;
  organization?: string;
  /** Percent of the 5-hour, 7-day and, where there is one, Opus window. Absent: never read. */
  used?: readonly [number, number, number?];
  /** Age of the reading in milliseconds. */
  readAgo?: number;
  /** Time until the login ends, in milliseconds. */
  endsIn?: number;
}

export function card(now: number, outline: Outline): Card {
  const {
    alias,
    email,
    plan = "Pro",
    organization = null,
    used,
    readAgo = 4 * MINUTE,
    endsIn = 17 * DAY,
  } = outline;
  const [five, seven, opus] = used ?? [0, 0];
  const meters = [
    meter(now, "5h", five, five === 0 ? null : 4 * HOUR),
    meter(now, "7d", seven, 2 * DAY + 3 * HOUR),
  ];
  if (opus !== undefined) meters.push(meter(now, "Opus", opus, 3 * DAY + 4 * HOUR + 9 * MINUTE));
  return {
    id: alias,
    alias,
    email,
    setupToken: false,
    plan,
    organization,
    active: false,
    badge: { level: "green", reason: { kind: "checked", at: now - readAgo } },
    usage: used === undefined ? null : reading(now - readAgo, meters),
    deadline: { at: now + endsIn, assumed: false },
    older: 2,
    bootstrap: null,
    action: "switch",
  };
}

export function work(now: number): Card {
  const base = card(now, {
    alias: "work",
    email: "m.keller@northwind-research.example",
    plan: "Max 20×",
    used: [82, 47, 18],
    readAgo: 12 * SECOND,
    endsIn: 21 * DAY + HOUR,
  });
  const meters = [
    meter(now, "5h", 82, HOUR + 56 * MINUTE + 30 * SECOND, { kind: "limit", at: now + 41 * MINUTE }),
    meter(now, "7d", 47, 3 * DAY + 4 * HOUR + 9 * MINUTE, { kind: "lasts" }),
    meter(now, "Opus", 18, 3 * DAY + 4 * HOUR + 9 * MINUTE),
  ];
  return {
    ...base,
    active: true,
    action: "none",
    badge: { level: "green", reason: { kind: "synced", at: now - 12 * SECOND } },
    usage: reading(now - 12 * SECOND, meters),
  };
}

export function personal(now: number): Card {
  return card(now, { alias: "personal", email: "mara@example.org", plan: "Max 5×", used: [6, 31, 12] });
}

export function side(now: number): Card {
  const email = "hello@tinyfoundry.example";
  const base = card(now, {
    alias: "side-project",
    email,
    used: [0, 97],
    readAgo: 7 * MINUTE,
    endsIn: 3 * DAY + HOUR,
  });
  return {
    ...base,
    badge: { level: "yellow", reason: { kind: "deadlineNear", at: now + 3 * DAY + HOUR, assumed: false } },
  };
}

export function lab(now: number): Card {
  return {
    ...card(now, { alias: "old-lab", email: "mara.keller@lab.example", plan: "Team" }),
    badge: { level: "red", reason: { kind: "loginNeeded" } },
    deadline: null,
    action: "signIn",
  };
}

/** A setup-token whose year ends in so many milliseconds. */
export function token(now: number, alias: string, label: string, endsIn: number): Card {
  const at = now + endsIn;
  const near: Card["badge"] = {
    level: "yellow",
    reason: { kind: "deadlineNear", at, assumed: false },
  };
  const ended = endsIn <= 0;
  const badge: Card["badge"] = ended
    ? { level: "red", reason: { kind: "loginNeeded" } }
    : endsIn < 5 * DAY
      ? near
      : { level: "grey", reason: { kind: "cannotRenew" } };
  return {
    ...card(now, { alias, email: label, plan: null, endsIn }),
    setupToken: true,
    badge,
    older: 0,
    action: ended ? "newToken" : "switch",
  };
}

export function board(now: number, cards: Card[]): Board {
  const active = cards.find((each) => each.active);
  return {
    rev: 1,
    now,
    cards: cards.map((each) => ({ ...each, id: each.alias })),
    live: active === undefined ? { kind: "absent" } : { kind: "known", alias: active.alias },
    switching: null,
    signingIn: null,
    ackedOp: 0,
    refreshing: false,
    problem: null,
    notice: null,
    watchedBy: null,
    view: { order: "hand", compact: false, shows: "used", resets: "countdown", hides: "whileShared" },
  };
}
