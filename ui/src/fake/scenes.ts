// Boards for looking at the page without the app: one for each situation that has a look of its own. Owns made-up data.
import type { Board } from "../generated/Board";
import type { Card } from "../generated/Card";
import type { Line } from "../generated/Line";
import type { Meter } from "../generated/Meter";
import type { Severity } from "../generated/Severity";

// Not from `format.ts`: what this file shares with the board would be split off into a chunk that the app then loads too.
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function severity(percent: number): Severity {
  if (percent >= 95) return "critical";
  return percent >= 80 ? "warning" : "normal";
}

function meter(now: number, short: string, percent: number, resetsIn: number | null): Meter {
  const label = short === "5h" ? "5-hour" : short === "7d" ? "7-day" : short;
  const periodMs = short === "5h" ? 5 * HOUR : 7 * DAY;
  const resetsAt = resetsIn === null ? null : now + resetsIn;
  return { label, short, percent, resetsAt, periodMs, severity: severity(percent) };
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

function card(now: number, outline: Outline): Card {
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
    plan,
    organization,
    active: false,
    badge: { level: "green", reason: { kind: "checked", at: now - readAgo } },
    usage: used === undefined ? null : { readAt: now - readAgo, meters },
    deadline: { at: now + endsIn, assumed: false },
    older: 2,
    action: "switch",
  };
}

function work(now: number): Card {
  const base = card(now, {
    alias: "work",
    email: "m.keller@northwind-research.example",
    plan: "Max 20×",
    used: [82, 47, 18],
    readAgo: 12 * SECOND,
    endsIn: 21 * DAY + HOUR,
  });
  const meters = [
    meter(now, "5h", 82, HOUR + 56 * MINUTE + 30 * SECOND),
    meter(now, "7d", 47, 3 * DAY + 4 * HOUR + 9 * MINUTE),
    meter(now, "Opus", 18, 3 * DAY + 4 * HOUR + 9 * MINUTE),
  ];
  return {
    ...base,
    active: true,
    action: "none",
    badge: { level: "green", reason: { kind: "synced", at: now - 12 * SECOND } },
    usage: { readAt: now - 12 * SECOND, meters },
  };
}

function personal(now: number): Card {
  return card(now, { alias: "personal", email: "mara@example.org", plan: "Max 5×", used: [6, 31, 12] });
}

function side(now: number): Card {
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

function lab(now: number): Card {
  return {
    ...card(now, { alias: "old-lab", email: "mara.keller@lab.example", plan: "Team" }),
    badge: { level: "red", reason: { kind: "loginNeeded" } },
    deadline: null,
    action: "signIn",
  };
}

function board(now: number, cards: Card[]): Board {
  const active = cards.find((each) => each.active);
  return {
    rev: 1,
    now,
    cards: cards.map((each) => ({ ...each, id: each.alias })),
    live: active === undefined ? { kind: "absent" } : { kind: "known", alias: active.alias },
    switching: null,
    ackedOp: 0,
    refreshing: false,
    problem: null,
    notice: null,
    watchedBy: null,
  };
}

const TEN = [
  "client-01",
  "client-02",
  "acme",
  "design",
  "infra",
  "bots",
  "teaching",
  "archive",
  "night-shift",
  "lab.2",
];

const scenes = {
  normal: (now: number) => board(now, [work(now), personal(now), side(now), lab(now)]),
  none: (now: number) => board(now, []),
  husk: (now: number): Board => ({ ...board(now, []), live: { kind: "husk" } }),
  unresolved: (now: number): Board => ({ ...board(now, []), live: { kind: "unresolved" } }),
  unreadable: (now: number): Board => ({ ...board(now, []), live: { kind: "unreadable" } }),
  unregistered: (now: number): Board => ({
    ...board(now, []),
    live: { kind: "unregistered", email: "m.keller@northwind-research.example" },
  }),
  drifted: (now: number): Board => ({
    ...board(now, [
      { ...work(now), badge: { level: "red", reason: { kind: "drifted" } }, action: "switch" },
      personal(now),
      side(now),
    ]),
    live: { kind: "unregistered", email: "somebody.else@example.com" },
  }),
  ten: (now: number) =>
    board(now, [
      work(now),
      ...TEN.map((alias, i) =>
        card(now, {
          alias,
          email: `${alias}@example.com`,
          used: [(i * 13) % 96, (i * 29) % 101],
          readAgo: (i + 1) * 3 * MINUTE,
        }),
      ),
    ]),
  long: (now: number) => {
    const alias = "northwind-research-production-01";
    const email = "maximiliane.von-und-zu-hohenstein@subdivision.northwind-research.example";
    const organization = "Northwind Research and Development Laboratories";
    const parked = { alias: alias.replace("01", "02"), email, plan: "Max 20×", organization };
    return board(now, [
      { ...work(now), alias, email, organization },
      card(now, { ...parked, used: [112.4, 99.6, 100] }),
      { ...lab(now), alias: alias.replace("01", "03"), email },
      card(now, {
        ...parked,
        alias: alias.replace("01", "04"),
        organization: "Lab",
        used: [0.4, 3],
        readAgo: 3 * DAY,
      }),
    ]);
  },
  errors: (now: number): Board => ({
    ...board(now, [
      { ...work(now), badge: { level: "yellow", reason: { kind: "unconfirmed" } } },
      personal(now),
      {
        ...side(now),
        badge: { level: "red", reason: { kind: "unreadable" } },
        usage: null,
        action: "signIn",
      },
    ]),
    problem: {
      code: "wrongAccount",
      message:
        "Cannot switch to personal: the server says that the saved login is mara@example.com’s. Nothing was changed.",
      nextStep: { kind: "signIn", alias: "personal" },
      about: "personal",
    },
  }),
  wait: (now: number): Board => ({
    ...board(now, [work(now), personal(now)]),
    problem: {
      code: "provider",
      message: "Cannot read the usage of personal: the provider asks to wait.",
      nextStep: { kind: "wait", until: now + 42 * SECOND },
      about: "personal",
    },
  }),
  run: (now: number): Board => ({
    ...board(now, [work(now), personal(now)]),
    problem: {
      code: "store",
      message: "Cannot read the live login: ~/.claude/.credentials.json belongs to somebody else.",
      nextStep: { kind: "run", command: "sudo chown mara ~/.claude/.credentials.json" },
      about: null,
    },
  }),
  switching: (now: number): Board => ({
    ...board(now, [work(now), personal(now), side(now), lab(now)]),
    switching: { op: 1, alias: "personal" },
  }),
  notice: (now: number): Board => ({
    ...board(now, [work(now), personal(now), side(now)]),
    notice: "Switched to work; the server confirmed it. 2 running sessions follow within 30 s.",
  }),
  reverted: (now: number): Board => ({
    ...board(now, [work(now), personal(now), side(now)]),
    problem: {
      code: "reverted",
      message: "Cannot keep personal live: the session in ~/code/ledger (pid 4711) brought work back",
      nextStep: { kind: "restore", alias: "personal" },
      about: "personal",
    },
  }),
  pinned: (now: number): Board => ({
    ...board(now, [work(now), personal(now), side(now)]),
    notice: "Switched to work; the server confirmed it. 2 sessions are running.",
    problem: {
      code: "pinned",
      message:
        "work is live, but Claude Code does not use the live login: `apiKeyHelper` is set in /home/mara/.claude/settings.json",
      nextStep: { kind: "removePin", name: "apiKeyHelper", place: "/home/mara/.claude/settings.json" },
      about: "work",
    },
  }),
  pinnedshell: (now: number): Board => ({
    ...board(now, [work(now), personal(now)]),
    problem: {
      code: "pinned",
      message:
        "work is live, but Claude Code does not use the live login: `CLAUDE_CODE_OAUTH_TOKEN` is set in this environment",
      nextStep: { kind: "removePin", name: "CLAUDE_CODE_OAUTH_TOKEN", place: null },
      about: "work",
    },
  }),
  watched: (now: number): Board => ({
    ...board(now, [work(now), personal(now), side(now)]),
    watchedBy: "`signalbox watch` (pid 1284)",
  }),
  assumed: (now: number): Board => {
    const soon = (each: Card, left: number): Card => ({
      ...each,
      badge: { level: "yellow", reason: { kind: "deadlineNear", at: now + left, assumed: true } },
      deadline: { at: now + left, assumed: true },
    });
    return board(now, [
      { ...work(now), deadline: { at: now + 6 * DAY + HOUR, assumed: true } },
      soon(personal(now), DAY + 3 * HOUR),
      soon(side(now), -HOUR),
    ]);
  },
  loginneeded: (now: number): Board => ({
    ...board(now, [
      { ...work(now), badge: { level: "red", reason: { kind: "signedOut" } }, action: "signIn" },
      lab(now),
      {
        ...lab(now),
        alias: "side-project",
        email: "hello@tinyfoundry.example",
        plan: "Pro",
        usage: side(now).usage,
      },
    ]),
    live: { kind: "husk" },
  }),
  offline: (now: number): Board => {
    const old = (each: Card, ago: number): Card => ({
      ...each,
      usage: each.usage === null ? null : { ...each.usage, readAt: now - ago },
    });
    return {
      ...board(now, [
        {
          ...old(work(now), 25 * MINUTE),
          badge: { level: "yellow", reason: { kind: "synced", at: now - 25 * MINUTE } },
          deadline: { at: now + 6 * DAY + HOUR, assumed: true },
        },
        {
          ...old(personal(now), 71 * MINUTE),
          badge: { level: "yellow", reason: { kind: "checked", at: now - 71 * MINUTE } },
        },
        old(side(now), 3 * HOUR),
        {
          ...card(now, { alias: "ci", email: "ci@example.org", plan: null }),
          badge: { level: "grey", reason: { kind: "neverChecked" } },
          deadline: null,
        },
      ]),
      problem: {
        code: "provider",
        message: "Cannot read anybody’s usage: the provider cannot be reached.",
        nextStep: { kind: "checkNetwork" },
        about: null,
      },
    };
  },
} satisfies Record<string, (now: number) => Board>;

/** What happened lately in every scene. */
export function history(now: number): Line[] {
  const line = (ago: number, by: string, text: string, trouble = false): Line => ({
    at: now - ago,
    by,
    text,
    trouble,
  });
  return [
    line(20 * SECOND, "app", "switched from personal to work"),
    line(4 * MINUTE, "app", "saved personal’s newest login, which Claude Code had renewed"),
    line(9 * MINUTE, "cli", "switched from work to personal"),
    line(
      11 * MINUTE,
      "app",
      "the session in ~/code/ledger (pid 4711) brought work back after the switch to personal",
      true,
    ),
    line(12 * MINUTE, "app", "switched from work to personal"),
    line(3 * HOUR, "watch", "renewed side-project’s parked login"),
    line(7 * HOUR, "watch", "old-lab has to be signed in again: the server ended its login", true),
    line(DAY, "app", "could not renew old-lab’s parked login: the server answers with status 503", true),
    line(DAY + 2 * HOUR, "app", "somebody.else@example.com is live, which is no profile yet", true),
    line(DAY + 3 * HOUR, "cli", "brought back generation 4 of side-project"),
    line(3 * DAY, "app", "put work’s name back, which Claude Code showed wrongly"),
    line(3 * DAY + HOUR, "cli", "added side-project"),
    line(3 * DAY + 2 * HOUR, "watch", "began to watch"),
  ];
}

export type SceneName = keyof typeof scenes;

/** The scene of that name, or the ordinary one. */
export function scene(name: string | null, now: number): Board {
  return (name !== null && name in scenes ? scenes[name as SceneName] : scenes.normal)(now);
}
