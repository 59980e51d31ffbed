// A made-up past for a plain browser: working days with bursts, nights without, resets, switches and a gap. Loaded only
// when the page stands outside the app.
// In the address: ?profiles=3&theme=dark&fail=1&empty=1&hides=always
// Outside the app nobody chooses what is hidden; an event of the page's own takes the choice's place:
// dispatchEvent(new CustomEvent("hides", { detail: "always" }))
import type { Hides } from "../generated/Hides";
import type { Plots } from "../generated/Plots";
import type { Series } from "../generated/Series";
import type { HistoryBackend } from "./backend";
import type { Days } from "./lines";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ALIASES = [
  "work",
  "personal",
  "side",
  "client-north",
  "team-2",
  "research",
  "backup",
  "lab",
  "teaching",
  "a-client-with-a-long-name-indeed",
];

/** A backend with so many profiles as the address says, three unless it does. */
export function fakeBackend(query: URLSearchParams): HistoryBackend {
  const theme = query.get("theme");
  if (theme !== null) document.documentElement.dataset["theme"] = theme;
  const profiles = Math.min(ALIASES.length, Number(query.get("profiles") ?? 3));
  let hides = (query.get("hides") ?? "whileShared") as Hides;
  const wait = () => new Promise((done) => setTimeout(done, 120));
  return {
    async usage(days) {
      const hidden = hides === "always";
      await wait();
      if (query.has("fail"))
        throw { code: "store", message: "Cannot show usage over time: usage.db is locked" };
      return { ...past(days, profiles, hidden || query.has("empty")), hidden };
    },
    onHides(f) {
      const hear = (event: Event) => {
        hides = (event as CustomEvent<Hides>).detail;
        f(hides);
      };
      window.addEventListener("hides", hear);
      return () => window.removeEventListener("hides", hear);
    },
    async saveReadings() {
      await wait();
      return "/home/ada/Downloads/signalbox-history.csv";
    },
    async savePicture(png) {
      document.documentElement.dataset["picture"] = String(png.byteLength);
      const link = document.createElement("img");
      link.src = URL.createObjectURL(new Blob([png], { type: "image/png" }));
      if (query.has("reveal")) document.body.replaceChildren(link);
      return "/home/ada/Downloads/signalbox-history.png";
    },
    close: async () => {
      document.title = "closed";
    },
  };
}

function past(days: Days, count: number, empty: boolean): Plots {
  const until = Date.now();
  const from = until - days * DAY;
  const profiles = ALIASES.slice(0, count).map((alias, i) => ({
    id: `card-${i}`,
    alias,
    active: i === 0,
    series: empty ? [] : seriesOf(i, from, until, days),
  }));
  const switches: Plots["switches"] = [];
  for (let at = Math.ceil(from / DAY) * DAY, n = 0; at < until; at += DAY, n++) {
    for (const hour of [9, 15]) {
      const profile = profiles[(n + (hour === 15 ? 1 : 0)) % Math.max(1, count)];
      const then = at + hour * HOUR + chance(n, hour) * 3 * HOUR;
      if (profile !== undefined && count > 1 && then < until && chance(n, hour + 1) > 0.35) {
        switches.push({ at: then, alias: profile.alias, id: profile.id });
      }
    }
  }
  return { from, until, profiles, switches: empty ? [] : switches };
}

function seriesOf(profile: number, from: number, until: number, days: Days): Series[] {
  const every = Math.max(5 * MINUTE, (days * DAY) / 1_500);
  const short: Series = { label: "5-hour", short: "5h", points: [], resets: [] };
  const week: Series = { label: "7-day", short: "7d", points: [], resets: [] };
  const model: Series = { label: "Opus", short: "Opus", points: [], resets: [] };
  const warm = until - 100 * DAY;
  let [inShort, inWeek, shortReset, weekReset] = [0, 0, 0, warm + (profile + 1) * 0.9 * DAY];
  let silent = false;
  for (let at = warm; at < until; at += every) {
    const hour = (at / HOUR) % 24;
    const day = Math.floor(at / DAY);
    const busy =
      hour > 8 && hour < 19 && chance(day * 3 + profile, Math.floor(hour / 2)) > 0.45 && day % 7 !== 3;
    if (shortReset !== 0 && at >= shortReset) {
      if (shortReset > from) short.resets.push(shortReset);
      [inShort, shortReset] = [0, 0];
    }
    if (at >= weekReset) {
      if (weekReset > from) for (const each of [week, model]) each.resets.push(weekReset);
      [inWeek, weekReset] = [0, weekReset + 7 * DAY];
    }
    if (busy) {
      if (shortReset === 0) shortReset = at + 5 * HOUR;
      const burn = (every / HOUR) * (12 + 30 * chance(day + profile * 7, Math.floor(hour)));
      inShort = Math.min(profile === 1 ? 112 : 100, inShort + burn);
      if (inShort < 100) inWeek = Math.min(100, inWeek + burn / (9 + profile));
    }
    if (at < from) continue;
    const asleep = day % 6 === profile && hour > 1 && hour < 7;
    if (asleep) {
      if (!silent) for (const each of [short, week, model]) each.points.push([at, null]);
    } else {
      short.points.push([at, Math.round(inShort * 10) / 10]);
      week.points.push([at, Math.round(inWeek * 10) / 10]);
      model.points.push([at, Math.round(inWeek * 7) / 10]);
    }
    silent = asleep;
  }
  return profile % 3 === 0 ? [short, week, model] : [short, week];
}

/** A number from 0 to 1 that only looks like chance, so that two pictures of one hour are alike. */
function chance(a: number, b: number): number {
  const wave = Math.sin(a * 127.1 + b * 311.7) * 43_758.5453;
  return wave - Math.floor(wave);
}
