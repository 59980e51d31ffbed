// The board without e-mail addresses and numbers, for a screen that others see. Owns what is taken out; it is taken out of
// the data, before anything draws it, so that no tooltip, label or announcement can tell it. Names of profiles stay: they are
// the person's own words, and without them nobody could press the right button.
import type { Board } from "./generated/Board";
import type { Card } from "./generated/Card";
import type { Line } from "./generated/Line";
import type { Meter } from "./generated/Meter";
import type { Problem } from "./generated/Problem";
import type { UsageView } from "./generated/UsageView";

/** What stands in the place of what is hidden. */
export const VEIL = "••••••";

const ADDRESS = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*/gu;
const AMOUNT = /[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?%/g;

/** A sentence without addresses, shares and amounts. */
export function veiledText(text: string): string {
  return text.replace(ADDRESS, VEIL).replace(AMOUNT, VEIL);
}

export function veiledBoard(board: Board): Board {
  return {
    ...board,
    cards: board.cards.map(veiledCard),
    live:
      board.live.kind === "unregistered" && board.live.email !== null
        ? { ...board.live, email: VEIL }
        : board.live,
    problem: board.problem === null ? null : veiledProblem(board.problem),
    notice: board.notice === null ? null : veiledText(board.notice),
  };
}

/** The plan goes too: "Max 20×" is a number, and says what somebody pays. */
export function veiledCard(card: Card): Card {
  const usage = card.usage === null ? null : veiledUsage(card.usage);
  return { ...card, email: VEIL, organization: null, plan: null, usage };
}

function veiledUsage({ readAt, meters, tightest, spend }: UsageView): UsageView {
  const hidden = spend === null ? null : { used: VEIL, limit: null, percent: null };
  return { readAt, meters: meters.map(veiledMeter), tightest, spend: hidden };
}

function veiledMeter({ label, short, periodMs }: Meter): Meter {
  return { label, short, periodMs, percent: 0, resetsAt: null, severity: "normal", outlook: null };
}

export function veiledProblem(problem: Problem): Problem {
  return { ...problem, message: veiledText(problem.message) };
}

export function veiledLine(line: Line): Line {
  return { ...line, text: veiledText(line.text) };
}
