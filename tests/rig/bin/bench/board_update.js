// Runs in the board's page. Hands it boards as the app does, in each of which every card is another, and returns in milliseconds:
// what a board takes from the call of the page's own listener until the cards in sight are others and the page is laid out anew, ready to
// be painted; the same until the document is changed alone; the same with a list so high that all cards are in sight; and how long the page's
// one thread was busy in one go while the cards out of sight followed. WebKit tells time in whole milliseconds, so ten boards are timed together.
const done = arguments[arguments.length - 1];
const BATCHES = 20;
const BOARDS = 10;
const FOLLOW_MS = 20_000;

/** The board that the app published, with other numbers on every card. */
const another = (board, turn) => ({
  ...board,
  rev: board.rev + turn,
  now: Date.now(),
  cards: board.cards.map((card, place) => ({
    ...card,
    badge: { level: "green", reason: { kind: "checked", at: Date.now() - (turn % 50) * 60_000 - place } },
    usage: {
      ...card.usage,
      readAt: Date.now() - (turn % 50) * 60_000,
      meters: card.usage.meters.map((meter, row) => ({
        ...meter,
        percent: (place * 13 + turn * 7 + row * 29) % 100,
        severity: ["normal", "warning", "critical"][turn % 3],
        resetsAt: Date.now() + ((turn + place) % 90) * 60_000 + 3_600_000,
      })),
    },
  })),
});

const list = document.querySelector(".list");
const all = () => [...document.querySelectorAll(".card")];
const inSight = () => {
  const { top, bottom } = list.getBoundingClientRect();
  return all().filter((card) => {
    const rect = card.getBoundingClientRect();
    return rect.bottom > top && rect.top < bottom;
  });
};
// What is off the screen is not drawn, and has no `innerText`.
const texts = (cards) => cards.map((card) => card.textContent);
const same = (cards, before) => texts(cards).filter((text, place) => text === before[place]).length;
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets the framework finish: all it still does stands in the queue of microtasks. */
const finished = async () => {
  for (let turn = 0; turn < 8; turn++) await null;
};

const tauri = window.__TAURI_INTERNALS__;
let id;
let turn = 1;

/** Which of the page's listeners takes boards in: the one after which the cards are others. */
async function listener(board) {
  for (const each of [...tauri.callbacks.keys()]) {
    const cards = inSight();
    const before = texts(cards);
    tauri.runCallback(each, { event: "board", id: each, payload: another(board, 1) });
    await finished();
    if (same(cards, before) === 0) return each;
  }
  throw new Error("no listener takes boards in");
}

/** The mean of some boards, after each of which `cards` have to be others. */
async function batch(board, cards, laidOut) {
  // What is handed over is parsed before, as the app's own boards are.
  const boards = Array.from({ length: BOARDS }, () => another(board, ++turn));
  const before = texts(cards);
  const begun = performance.now();
  for (const payload of boards) {
    tauri.runCallback(id, { event: "board", id, payload });
    await finished();
    if (laidOut) void document.body.offsetHeight;
  }
  const mean = (performance.now() - begun) / BOARDS;
  const left = same(cards, before);
  if (left > 0) throw new Error(`${left} of ${cards.length} cards stayed as they were`);
  await new Promise(requestAnimationFrame);
  return mean;
}

/** How long the thread was busy in one go, until every card is another than `before`. */
async function following(before) {
  const tasks = [];
  const chances = new MessageChannel();
  const end = performance.now() + FOLLOW_MS;
  let chance = performance.now();
  let followed = false;
  chances.port1.onmessage = () => {
    const now = performance.now();
    tasks.push(now - chance);
    chance = now;
    if (!followed) chances.port2.postMessage(null);
  };
  chances.port2.postMessage(null);
  while (!followed) {
    await later(250);
    followed = same(all(), before) === 0;
    // What looking took is not the page's.
    chance = performance.now();
    if (!followed && performance.now() > end) throw new Error("a card out of sight never followed");
  }
  return tasks;
}

async function measure() {
  const board = await tauri.invoke("board");
  const before = texts(all());
  id = await listener(board);
  const near = [[], []];
  for (let round = 0; round < 2 * BATCHES; round++) {
    const laidOut = round % 2 === 0;
    near[laidOut ? 0 : 1].push(await batch(board, inSight(), laidOut));
  }
  const tasks = await following(before);
  // Whoever has so high a screen sees them all.
  list.style.minHeight = `${list.scrollHeight}px`;
  await later(500);
  const whole = [];
  for (let round = 0; round < BATCHES; round++) whole.push(await batch(board, all(), true));
  return [...near, whole, tasks];
}

measure().then(done, (error) => done(String(error)));
