// Boards for looking at the page without the app: one for each situation that has a look of its own. Owns made-up data.
import type { Board } from "../generated/Board";
import type { Card } from "../generated/Card";
import type { Line } from "../generated/Line";
import type { View } from "../generated/View";
import {
  board,
  card,
  DAY,
  HOUR,
  lab,
  meter,
  MINUTE,
  personal,
  reading,
  SECOND,
  side,
  token,
  work,
} from "./cards";

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

/** Ten profiles besides `work`, or as many as it takes, in every state of use. */
function many(now: number, count: number): Board {
  const parked = Array.from({ length: count }, (_, i) => {
    const name = TEN[i % TEN.length] ?? "more";
    const alias = i < TEN.length ? name : `${name}-${Math.floor(i / TEN.length) + 1}`;
    const email = `${alias}@example.com`;
    const used = [(i * 13) % 96, (i * 29) % 101] as const;
    return card(now, { alias, email, used, readAgo: (i + 1) * 3 * MINUTE });
  });
  return board(now, [work(now), ...parked]);
}

const seen = (each: Board, view: Partial<View>): Board => ({ ...each, view: { ...each.view, ...view } });

/** One card for each thing that a forecast can say. */
function forecasts(now: number): Board {
  const soon = 2 * DAY + 3 * HOUR;
  const parked = (alias: string, ...meters: ReturnType<typeof meter>[]) => ({
    ...card(now, { alias, email: `${alias}@example.com`, used: [0, 0] }),
    usage: reading(now - 4 * MINUTE, meters),
  });
  return board(now, [
    work(now),
    parked("full", meter(now, "5h", 100, HOUR + 12 * MINUTE), meter(now, "7d", 64, soon)),
    parked("lasting", meter(now, "5h", 12, 4 * HOUR), meter(now, "7d", 91, 9 * HOUR, { kind: "lasts" })),
    parked("unknown", meter(now, "5h", 0, null), meter(now, "7d", 97, soon)),
    parked(
      "weekly",
      meter(now, "5h", 31, 3 * HOUR),
      meter(now, "7d", 88, 5 * DAY, { kind: "limit", at: now + 28 * HOUR }),
    ),
  ]);
}

function spending(now: number): Board {
  const paid = (each: Card, used: string, limit: string | null, percent: number | null): Card => {
    const usage = each.usage === null ? null : { ...each.usage, spend: { used, limit, percent } };
    return { ...each, usage };
  };
  return board(now, [
    paid(work(now), "$5.41", "$20.00", 27),
    paid(personal(now), "$19.30", "$20.00", 96.5),
    paid(side(now), "12.05 CHF", null, null),
  ]);
}

const scenes = {
  normal: (now: number) => board(now, [work(now), personal(now), side(now), lab(now)]),
  signingin: (now: number): Board => ({
    ...board(now, [work(now), personal(now), side(now), lab(now)]),
    signingIn: "old-lab",
  }),
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
  ten: (now: number) => many(now, TEN.length),
  fifty: (now: number) => many(now, 49),
  forecast: forecasts,
  spend: spending,
  compact: (now: number) =>
    seen(board(now, [work(now), personal(now), side(now), lab(now)]), { compact: true }),
  compactten: (now: number) => seen(many(now, TEN.length), { compact: true }),
  masked: (now: number) => seen(spending(now), { hides: "always" }),
  maskedcompact: (now: number) =>
    seen(board(now, [work(now), personal(now), side(now), lab(now)]), { hides: "always", compact: true }),
  left: (now: number) =>
    seen(board(now, [work(now), personal(now), side(now), lab(now)]), { shows: "left", resets: "clock" }),
  headroom: (now: number) => seen(many(now, TEN.length), { order: "headroom" }),
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
  tokens: (now: number) =>
    board(now, [
      work(now),
      token(now, "build-server", "mara@example.org", 301 * DAY + HOUR),
      token(now, "night-shift", "", 3 * DAY + HOUR),
      token(now, "old-runner", "hello@tinyfoundry.example", -DAY),
    ]),
  tokenlive: (now: number) => {
    const live: Card = {
      ...token(now, "build-server", "mara@example.org", 301 * DAY + HOUR),
      active: true,
      badge: { level: "green", reason: { kind: "synced", at: now - 12 * SECOND } },
      action: "none",
    };
    return board(now, [live, personal(now), token(now, "old-runner", "", -DAY)]);
  },
  tokenscompact: (now: number) =>
    seen(
      board(now, [
        work(now),
        token(now, "build-server", "mara@example.org", 301 * DAY + HOUR),
        token(now, "old-runner", "", -DAY),
      ]),
      { compact: true },
    ),
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

/** Every scene there is: what the checks in a real browser go through. */
export const sceneNames = Object.keys(scenes) as SceneName[];

/** The scene of that name, or the ordinary one. */
export function scene(name: string | null, now: number): Board {
  return (name !== null && name in scenes ? scenes[name as SceneName] : scenes.normal)(now);
}
