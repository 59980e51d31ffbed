// Hiding: nothing that a component could draw has an address or a number of anybody's use in it.
import { expect, test } from "vitest";
import type { Board } from "../src/generated/Board";
import { derive } from "../src/store";
import { meterSentence } from "../src/usage";
import { VEIL, veiledBoard, veiledLine, veiledText } from "../src/veil";
import { board, card, meter, NOW, problem, usage, VIEW } from "./boards";

const OF_USE = {
  percent: 61.7,
  resetsAt: NOW + 1_234_567,
  severity: "critical",
  outlook: { kind: "limit", at: NOW + 765_432 },
} as const;

function telltale(): Board {
  const spend = { used: "$5.41", limit: "$20.00", percent: 27.05 };
  return board({
    cards: [
      card("work", {
        email: "ada@example.org",
        organization: "Northwind Research",
        plan: "Max 20×",
        usage: usage([meter(OF_USE)], { spend }),
      }),
      card("personal", { email: "björk@exämple.org", usage: null }),
    ],
    live: { kind: "unregistered", email: "new@example.org" },
    problem: problem({
      message: "Cannot switch: the server says that it is ada@example.org’s, at 97 % and $5.41.",
    }),
    notice: "Switched away from björk@exämple.org.",
  });
}

test("a veiled board tells no address, plan, share, amount or time of use", () => {
  const told = JSON.stringify(veiledBoard(telltale()));
  for (const secret of [
    "ada",
    "björk",
    "exämple",
    "new@",
    "Northwind",
    "20×",
    "61.7",
    "97 %",
    "5.41",
    "20.00",
    "27.05",
  ])
    expect(told).not.toContain(secret);
  for (const time of [OF_USE.resetsAt, OF_USE.outlook.at]) expect(told).not.toContain(String(time));
  expect(told).not.toContain("critical");
});

test("a veiled board keeps what a person needs to press the right button", () => {
  const veiled = veiledBoard(telltale());
  expect(veiled.cards.map((each) => [each.alias, each.action])).toEqual([
    ["work", "switch"],
    ["personal", "switch"],
  ]);
  expect(veiled.problem?.nextStep).toEqual({ kind: "retry" });
  expect(derive(veiled, []).cards).toHaveLength(2);
});

test("the board that arrived is left as it was", () => {
  const arrived = telltale();
  const before = JSON.stringify(arrived);
  veiledBoard(arrived);
  expect(JSON.stringify(arrived)).toBe(before);
});

test("a meter behind the veil has nothing to say", () => {
  const hidden = veiledBoard(telltale()).cards[0]?.usage?.meters[0] ?? meter();
  expect(meterSentence(hidden, VIEW, NOW)).toBe("0 %, window not started");
});

test.each([
  ["it is mara@example.com’s.", `it is ${VEIL}’s.`],
  ["from work (ada@example.org) to new@example.org", `from work (${VEIL}) to ${VEIL}`],
  ["at 97 % of $20.00 and 1,200.50 %", `at ${VEIL} of ${VEIL} and ${VEIL}`],
  ["2 running sessions follow within 30 s", "2 running sessions follow within 30 s"],
])("%j is veiled to %j", (text, veiled) => {
  expect(veiledText(text)).toBe(veiled);
});

test("what happened lately loses its addresses", () => {
  expect(veiledLine({ at: NOW, by: "app", text: "new@example.org is live", trouble: true }).text).toBe(
    `${VEIL} is live`,
  );
});
