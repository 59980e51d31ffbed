// Every word that the board window says to a person. Owns wording only: which words apply is decided in `format.ts`
// and in the components, and the sentences of a problem or a notice come from the backend as they are.

/** Words that never change. */
export const words = {
  name: "Signalbox",
  refresh: "Refresh",
  refreshing: "Refreshing…",
  starting: "Starting…",
  switch: "Switch",
  switching: "switching…",
  signIn: "Sign in…",
  add: "Add…",
  cancel: "Cancel",
  close: "Close",
  copy: "Copy",
  copied: "Copied",
  dismiss: "Dismiss",
  tryAgain: "Try again",
  more: "More",
  rename: "Rename…",
  remove: "Remove…",
  undo: "Go back to an earlier login…",
  activity: "Recent activity",
  back: "Back",
  recommended: "Recommended: the first profile that has room left",

  syncedJustNow: "synced just now",
  unconfirmed: "not confirmed",
  signedOut: "signed out of Claude Code",
  drifted: "another account is live",
  loginNeeded: "login needed",
  clickAuthorize: "click Authorize in its window",
  windowComesUp: "its window will come up",
  signInStalled: "login needed, sign-in stalled",
  loginEnded: "login has ended",
  loginMayHaveEnded: "login may have ended (assumed)",
  cannotRenew: "cannot renew itself",
  neverChecked: "never checked",
  unreadable: "saved login unreadable",

  noReading: "no usage read yet",
  mayNotRead: "may not read its usage",
  setupToken: "setup-token",
  newToken: "New setup-token…",
  history: "Usage history",
  view: "View",
  hidden: "E-mails and numbers are hidden",
  show: "Show e-mails and numbers",
  moveUp: "Move up",
  moveDown: "Move down",
} as const;

/** Words of the menu that chooses how the board is drawn. */
export const viewMenu = {
  headroom: "Most room left first",
  compact: "One line each",
  left: "Count what is left",
  clock: "Resets as time of day",
  hide: "Hide e-mails and numbers",
  whileShared: "Leave out of screen sharing",
} as const;

/** Words about readings. */
export const usage = {
  notStarted: "not started",
  windowNotStarted: "window not started",
  hasReset: "has reset",
  beforeReset: "before its last reset",
  warning: "near the limit",
  critical: "almost used up",
  usedUp: "used up",
  left: (value: string) => `${value} left`,
  leftAfter: " left",
  timeGone: (share: string) => `${share} of its time gone`,
  resetsIn: (left: string) => `resets in ${left}`,
  resetsAt: (time: string) => `resets ${time}`,
  reached: (label: string) => `${label} limit reached`,
  limitAt: (label: string, time: string) => `${label} limit ${time}`,
  limitNow: (label: string) => `${label} limit any moment`,
  atThisPace: " at this pace",
  near: (label: string) => `${label} limit is near`,
  butLasts: " but lasts until the reset",
  read: (age: string) => `read ${age}`,
  updated: (age: string) => `updated ${age}`,
  spend: "Extra",
  spendLabel: "Extra usage",
  ofLimit: (used: string, limit: string) => `${used} of ${limit}`,
  hidden: "hidden",
} as const;

/** Words about the live login, for the footer. */
export const live = {
  watchedBy: (program: string) => `${program} keeps the watch`,
  known: "Claude Code uses",
  switchingTo: "Switching to",
  unregistered: "Not a profile yet:",
  unregisteredUnnamed: "An account that is no profile is live",
  unresolved: "The live login is not identified yet",
  signedOut: "Claude Code is signed out",
  unreadable: "Claude Code’s login cannot be read",
} as const;

/** Words of the form for a profile's name. */
export const aliasForm = {
  label: "Name",
  placeholder: "work",
  missing: "Type a name.",
  tooLong: "Use at most 32 characters.",
  badStart: "Begin with a letter or a digit.",
  badCharacter: "Use only letters, digits, “.”, “_” and “-”.",
  taken: (alias: string) => `“${alias}” is a profile already.`,
  add: "Add",
  adding: "Adding…",
  addAnyway: "Add anyway",
  rename: "Rename",
  renaming: "Renaming…",
} as const;

/** Words of the panel behind "Add…". */
export const add = {
  title: "Add a profile",
  intro: "Signalbox saves the login that Claude Code uses now under this name.",
  introFor: (email: string) => `Signalbox saves the login of ${email} under this name.`,
  known: (alias: string) =>
    `Claude Code uses “${alias}”, which is a profile already. A new profile needs another account.`,
  signedOut: "Claude Code is signed out. Sign in with the account that you want to add.",
  unreadable: "Claude Code’s login cannot be read at the moment, so there is nothing to add yet.",
} as const;

/** Words of the first run, when there is no profile yet. */
export const firstRun = {
  unregisteredTitle: "Give this login a name",
  signedInAs: "You are signed in as",
  signedIn: "Claude Code is signed in.",
  unregisteredWhy: "Signalbox keeps a sealed copy of it, so that you can come back to it with one click.",
  absentTitle: "Sign in to Claude Code first",
  absent: "There is no login to keep yet. Run this in a terminal:",
  huskTitle: "Claude Code has lost its login",
  husk: "It emptied the login after the server refused it. Run this in a terminal:",
  unresolvedTitle: "Whose login is this?",
  unresolved:
    "Claude Code is signed in, but the server could not be asked whose login it is. Check the network, then try again.",
  unreadableTitle: "Claude Code’s login cannot be read",
  unreadable:
    "It is there, but reading it failed. Nothing was changed. Check who may read it, then try again.",
} as const;

/** The command that signs Claude Code in. */
export const signInCommand = "claude auth login";

/** Words of the guided sign-in, as far as the board has any. */
export const signIn = {
  notices: "Signalbox notices it by itself.",
  another: "Sign in to another account…",
  underWay: (alias: string) => `Sign-in of “${alias}” under way`,
  goOn: "Continue",
} as const;

/** Words of the confirmation before a profile is removed. */
export const remove = {
  title: (alias: string) => `Remove “${alias}”?`,
  parked: "The saved login is deleted from this computer. The account itself is untouched.",
  active:
    "The saved login is deleted from this computer. The account itself is untouched, and Claude Code stays signed in.",
  remove: "Remove",
  removing: "Removing…",
} as const;

/** Words of the question before an earlier login is brought back. */
export const undo = {
  title: (alias: string) => `Go back to an earlier login of “${alias}”?`,
  one: "Signalbox keeps one. It asks the server whether that still lives, and brings it back if it does.",
  many: (kept: number) =>
    `Signalbox keeps ${kept}. It asks the server which of them still live, and brings back the newest of those.`,
  parked: "The present one is kept, so that you can come back to it.",
  active: "Claude Code uses it at once. The present one is kept, so that you can come back to it.",
  undo: "Go back",
  undoing: "Asking the server…",
} as const;

/** Words of the list of what happened lately. */
export const activity = {
  reading: "Reading…",
  emptyTitle: "Nothing has happened yet",
  empty:
    "Switches, renewals that Signalbox saved, and whatever it noticed on its watch are listed here from now on.",
  today: "Today",
  yesterday: "Yesterday",
  now: "now",
  trouble: "Trouble:",
  by: { app: "app", cli: "command line", watch: "signalbox watch" } as Readonly<Record<string, string>>,
} as const;

/** Words of the problem strip, one set for each next step that needs any. */
export const problem = {
  title: "Problem",
  checkNetwork: "Check the network.",
  run: "Run this in a terminal:",
  freeSpace: (path: string) => `Make room on the disk that holds ${path}.`,
  unlockKeychain: "Unlock the login keychain:",
  unlockKeychainCommand: "security unlock-keychain",
  attendKeychain: "Answer the Keychain’s dialog, or open Keychain Access.",
  confirm: "Confirm it in a terminal.",
  copyReport: "Copy details",
  waitUntil: (left: string) => `Try again in ${left}`,
  signIn: (alias: string) => `Sign in to ${alias}…`,
  restore: (alias: string) => `Switch back to ${alias}`,
  unpinShell: "Take it out of what your shell sets, then start Claude Code again:",
  unpinFile: (name: string, path: string) => `Take ${name} out of ${path}, then start Claude Code again.`,
  installClaudeCode: "Install Claude Code, or name it in settings.toml as claude.program.",
  stopWatch: "Stop that one first, or leave the watch to it.",
  noAnswer: (why: string) => `Cannot reach Signalbox: ${why}`,
} as const;

/** How a setup-token is replaced. */
export const newToken = {
  make: "In a terminal, make a new setup-token:",
  makeCommand: "claude setup-token",
  hint: (command: string) => `Make one with “${command}” in a terminal, then hand over what it printed:`,
  hand: "Then hand over what it printed:",
  handCommand: (alias: string) => `signalbox add ${alias} --setup-token`,
} as const;

/** Sentences for people who listen instead of look. */
export const spoken = {
  switchedTo: (alias: string) => `Switched to ${alias}`,
  switchingTo: (alias: string) => `Switching to ${alias}`,
  switchTo: (alias: string) => `Switch to ${alias}`,
  signInTo: (alias: string) => `Sign in to ${alias}`,
  moreFor: (alias: string) => `More for ${alias}`,
  profiles: "Profiles",
  active: "active",
  switching: "switching",
  parked: "parked",
  stranded: "active, but not live",
  copy: (text: string) => `Copy ${text}`,
  movedTo: (alias: string, place: number, count: number) => `${alias} is at place ${place} of ${count}`,
  atTheEnd: (alias: string) => `${alias} cannot move further`,
  sorted: "The most room left comes first. Choose another order under View to move profiles by hand.",
  hiddenNow: "E-mails and numbers are hidden",
  shownNow: "E-mails and numbers are shown",
} as const;
