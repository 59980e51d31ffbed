// What the problem strip offers for each next step.
import { expect, test } from "vitest";
import type { NextStep } from "../src/generated/NextStep";
import { remedy } from "../src/remedy";
import { NOW } from "./boards";

test.each<[NextStep, string | null, string | null]>([
  [{ kind: "signIn", alias: "side" }, "signIn", null],
  [{ kind: "newToken", alias: "ci" }, null, "signalbox add ci --setup-token"],
  [{ kind: "addProfile" }, "add", null],
  [{ kind: "listProfiles" }, null, null],
  [{ kind: "confirm" }, null, null],
  [{ kind: "wait", until: NOW + 1 }, "wait", null],
  [{ kind: "wait", until: NOW }, "tryAgain", null],
  [{ kind: "retry" }, "tryAgain", null],
  [{ kind: "checkNetwork" }, "tryAgain", null],
  [{ kind: "run", command: "claude auth login" }, "tryAgain", "claude auth login"],
  [{ kind: "freeSpace", path: "/home" }, "tryAgain", null],
  [{ kind: "unlockKeychain" }, "tryAgain", "security unlock-keychain"],
  [{ kind: "attendKeychain" }, "tryAgain", null],
  [{ kind: "restore", alias: "side" }, "restore", null],
  [{ kind: "removePin", name: "ANTHROPIC_API_KEY", place: null }, null, "unset ANTHROPIC_API_KEY"],
  [{ kind: "removePin", name: "apiKeyHelper", place: "/etc/settings.json" }, null, null],
  [{ kind: "installClaudeCode" }, "tryAgain", null],
  [{ kind: "stopWatch" }, null, null],
  [{ kind: "reportBug" }, "report", null],
])("the next step %o offers the control %j and the command %j", (step, control, command) => {
  const offer = remedy(step, NOW);
  expect([offer.control?.kind ?? null, offer.command]).toEqual([control, command]);
});

test("a next step that the message cannot carry is said in words", () => {
  const pin = remedy({ kind: "removePin", name: "apiKeyHelper", place: "/etc/settings.json" }, NOW);
  expect(pin.hint).toBe("Take apiKeyHelper out of /etc/settings.json, then start Claude Code again.");
  expect(remedy({ kind: "freeSpace", path: "/home" }, NOW).hint).toContain("/home");
});
