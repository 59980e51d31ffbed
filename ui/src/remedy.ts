// From the typed next step of a problem to what the strip offers: a sentence, a command to copy, a button. Pure, and
// without a catch-all arm, so that a new next step cannot appear on the wire without somebody deciding what it offers.
import { newToken, problem as say } from "./copy";
import type { Alias } from "./generated/Alias";
import type { NextStep } from "./generated/NextStep";
import type { Timestamp } from "./generated/Timestamp";

export type Control =
  | { readonly kind: "tryAgain" }
  | { readonly kind: "wait"; readonly until: Timestamp }
  | { readonly kind: "signIn"; readonly alias: Alias }
  | { readonly kind: "restore"; readonly alias: Alias }
  | { readonly kind: "add" }
  | { readonly kind: "report" };

export interface Remedy {
  /** What to do, when the message alone does not say it. */
  readonly hint: string | null;
  /** A command for a terminal, with a button that copies it. */
  readonly command: string | null;
  readonly control: Control | null;
}

const TRY_AGAIN: Control = { kind: "tryAgain" };

/** What can be offered for `step` at `now`. */
export function remedy(step: NextStep, now: Timestamp): Remedy {
  switch (step.kind) {
    case "signIn":
      return { hint: null, command: null, control: { kind: "signIn", alias: step.alias } };
    case "newToken":
      return {
        hint: newToken.hint(newToken.makeCommand),
        command: newToken.handCommand(step.alias),
        control: null,
      };
    case "addProfile":
      return { hint: null, command: null, control: { kind: "add" } };
    case "listProfiles":
      // The board is the list.
      return { hint: null, command: null, control: null };
    case "confirm":
      return { hint: say.confirm, command: null, control: null };
    case "wait":
      return {
        hint: null,
        command: null,
        control: step.until > now ? { kind: "wait", until: step.until } : TRY_AGAIN,
      };
    case "retry":
      return { hint: null, command: null, control: TRY_AGAIN };
    case "checkNetwork":
      return { hint: say.checkNetwork, command: null, control: TRY_AGAIN };
    case "run":
      return { hint: say.run, command: step.command, control: TRY_AGAIN };
    case "freeSpace":
      return { hint: say.freeSpace(step.path), command: null, control: TRY_AGAIN };
    case "unlockKeychain":
      return { hint: say.unlockKeychain, command: say.unlockKeychainCommand, control: TRY_AGAIN };
    case "attendKeychain":
      return { hint: say.attendKeychain, command: null, control: TRY_AGAIN };
    case "restore":
      return { hint: null, command: null, control: { kind: "restore", alias: step.alias } };
    case "removePin":
      return step.place === null
        ? { hint: say.unpinShell, command: `unset ${step.name}`, control: null }
        : { hint: say.unpinFile(step.name, step.place), command: null, control: null };
    case "installClaudeCode":
      return { hint: say.installClaudeCode, command: null, control: TRY_AGAIN };
    case "stopWatch":
      return { hint: say.stopWatch, command: null, control: null };
    case "reportBug":
      return { hint: null, command: null, control: { kind: "report" } };
    default:
      return step satisfies never;
  }
}
