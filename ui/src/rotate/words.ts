// Every word that the Rotate wizard says to a person. Which of them apply is decided by the components.
import { DAY, length } from "../format";
import type { Timestamp } from "../generated/Timestamp";
import type { Stage } from "./store";

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DATE_OF_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** "ends in 30 days, on 22 Dec". */
export function endsIn(at: Timestamp, now: Timestamp): string {
  if (at <= now) return "has ended already";
  // A login of thirty days is a few seconds old when this is read.
  const left = at - now;
  const rounded = left > DAY ? Math.round(left / DAY) * DAY : left;
  const date = new Date(at).getFullYear() === new Date(now).getFullYear() ? DATE : DATE_OF_YEAR;
  return `ends in ${length(rounded)}, on ${date.format(at)}`;
}

const STAGES: Readonly<Record<Stage, string>> = {
  plan: "Plan",
  backup: "Back-up",
  signIn: "Sign in",
  confirm: "Confirm",
  done: "Done",
};

export const say = {
  steps: "Steps",
  stage: (stage: Stage) => STAGES[stage],
  stageDone: "done",
  queue: (at: number, of: number) => `${at} of ${of}`,
  loading: "One moment…",

  cancel: "Cancel",
  close: "Close",
  tryAgain: "Try again",

  plan: {
    one: (alias: string) => `Sign in to “${alias}”`,
    many: (count: number) => `Renew ${count} logins`,
    none: "Sign in to another account",
    another: "Sign in to another account…",
    nothingDue: "No login is due",
    nothingDueWhy: "Every profile renews itself at present. Signalbox tells you when one needs you.",
    manyWhy: "These logins have ended. You sign in to one after the other, and can stop after each.",
    oneAs: "Sign in as",
    name: "Name of the new profile",
    newWhy: "It becomes a new profile under this name.",
    isolated: (live: string | null) =>
      live === null
        ? "Claude Code’s own sign-in opens in your browser. What Claude Code uses now stays as it is."
        : `Claude Code’s own sign-in opens in your browser. “${live}” stays live the whole time.`,
    isolatedLive:
      "Claude Code’s own sign-in opens in your browser. Claude Code goes on with the present login until the new one is confirmed.",
    confirmed: "Nothing is kept before you have confirmed whose login it is.",
    classicTitle: "Claude Code is signed out meanwhile",
    classic: (version: string, live: string | null) =>
      `Claude Code ${version} cannot sign in beside the live login. ` +
      (live === null
        ? "You sign in there with /login."
        : `So “${live}” is set aside while you sign in with /login, and running sessions will ask you to sign in.`),
    classicBack: "If you cancel, or Signalbox ends, it is put back just as it was.",
    classicUpdate: "An update makes that needless:",
    updateCommand: "claude update",
    missingTitle: "Claude Code is not installed",
    missing:
      "Signalbox signs in through Claude Code itself. Install it, or name it in settings.toml as claude.program. Then try again.",
    looking: "Looking at Claude Code…",
    begin: "Continue",
    beginFirst: (alias: string) => `Begin with “${alias}”`,
    all: (count: number) => `Renew all ${count} that are due…`,
    place: "Open the page in",
    shared: "Default browser",
    own: (browser: string) => `A window of its own in ${browser}`,
    ownWhy: "Only this profile uses it, and stays signed in there.",
  },

  backup: {
    title: "Backing up the active login…",
    done: (live: string) => `“${live}” is backed up`,
    none: "No profile is live, so there is nothing to back up",
    untouched: (live: string) => `“${live}” is not touched`,
  },

  signIn: {
    starting: "Starting Claude Code’s sign-in…",
    browser: "Continue in your browser",
    terminal: "Continue in Claude Code",
    as: "Sign in as",
    whoever: (alias: string) => `Sign in with the account that is to become “${alias}”.`,
    run: "Run this in a terminal, or go to a session that is open:",
    type: "Type this, and follow it:",
    outMeanwhile: (live: string) =>
      `“${live}” is set aside until you are done. Cancel puts it back just as it was.`,
    opening: "Opening the page…",
    openedShared: "The page is open in your browser.",
    openedOwn: "The page is open in a window of its own.",
    unasked: "Signalbox opened the page by itself, in a window of its own. One click on Authorize finishes.",
    waiting: "Waiting for you",
    left: (time: string) => `${time} left`,
    noTimeLeft: "The time is up…",
    open: "Open the page",
    openAgain: "Open the page again",
    copyLink: "Copy link",
    copied: "Copied",
    code: "The page shows a code?",
    codeWhy: "It does where the browser runs on another computer. Paste it here.",
    codeLabel: "Code",
    send: "Send",
    sending: "Sending…",
    mayClose: "You may close this window. The board leads back to it.",
  },

  failed: {
    title: "The sign-in ended without a login",
    said: "Claude Code said",
    silent: "Claude Code did not say why.",
    next: "Try again, and keep the page open until it says that you are signed in.",
  },

  confirm: {
    checking: "Asking whose login this is…",
    checkingFailed: "It is not known yet whose login this is",
    title: "Is this the right login?",
    titleKnown: (alias: string) => `You are signed in as “${alias}”`,
    login: "Login",
    keepsLive: (live: string) => `“${live}” stays live.`,
    becomesLive: "Claude Code uses it from now on.",
    keep: "Keep it",
    add: (alias: string) => `Add as “${alias}”`,
    renew: (alias: string) => `Renew “${alias}”`,
    keeping: "Saving…",
  },

  wrong: {
    title: "That is another account",
    youAre: "You signed in as",
    thisIs: (alias: string) => `but “${alias}” is`,
    belongsTo: (alias: string) => `It is the account of “${alias}” already.`,
    again: "Try again",
    againWhy: "Sign out of claude.ai on the page first, or copy its link into a private window.",
    asNew: "Keep as a new profile…",
    asNewWhy: "Nothing that you have just done is lost.",
    name: "Name of the new profile",
    forOwner: (alias: string) => `Renew “${alias}” with it`,
    forOwnerWhy: (alias: string) => `The login is good, and belongs to “${alias}”.`,
    back: "Back",
  },

  done: {
    renewed: (alias: string) => `“${alias}” is renewed`,
    added: (alias: string) => `“${alias}” is a profile now`,
    live: "Claude Code uses it.",
    saved: "Its login is saved.",
    parked: (live: string) => `“${live}” is live, as before.`,
    switch: "Switch to it now",
    switching: "Switching…",
    landed: "It is live now. Running sessions follow within 30 s.",
    next: (alias: string) => `Next: “${alias}”`,
    more: (count: number) => (count === 1 ? "One more login is due." : `${count} more logins are due.`),
  },

  over: {
    cancelled: "Nothing was changed",
    timeUp: "The time for this sign-in is up",
    elsewhere: "This sign-in has ended",
    elsewhereWhy:
      "It was confirmed or cancelled somewhere else, in a terminal for instance, or finished by itself. The board shows how.",
    isolated: (live: string | null) =>
      live === null
        ? "What the sign-in had begun is removed."
        : `“${live}” was live the whole time. What the sign-in had begun is removed.`,
    classic: (live: string | null) =>
      live === null
        ? "Claude Code’s login is what it was before."
        : `“${live}” is live again, just as it was.`,
    startOver: "Start over",
  },

  ask: {
    title: "Cancel this sign-in?",
    isolated: "What it has brought so far is removed. The live login is not touched.",
    classic: "The login that was set aside is put back just as it was.",
    goOn: "Go on",
    cancel: "Cancel sign-in",
    cancelling: "Cancelling…",
  },
} as const;
