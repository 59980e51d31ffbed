// Runs in the board's page. Hands it boards as the app does, in each of which every card is another, and returns what each
// took from the call of the page's own listener: until the document is changed and laid out anew, ready to be painted, and until it is
// changed alone. WebKit tells time in whole milliseconds, so ten boards are timed together.
const done = arguments[arguments.length - 1];
const BATCHES = 20;
const BOARDS = 10;

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

// What is off the screen is not drawn, and has no `innerText`.
const texts = () => [...document.querySelectorAll(".card")].map((card) => card.textContent);

/** Lets the framework finish: all it still does stands in the queue of microtasks. */
const finished = async () => {
  for (let turn = 0; turn < 8; turn++) await null;
};

/** Which of the page's listeners takes boards in: the one after which the cards are others. */
async function listener(tauri, board) {
  for (const id of [...tauri.callbacks.keys()]) {
    const before = texts();
    tauri.runCallback(id, { event: "board", id, payload: another(board, 1) });
    await finished();
    const after = texts();
    const changed = after.filter((text, place) => text !== before[place]).length;
    if (changed === board.cards.length) return id;
    if (changed > 0) throw new Error(`${changed} of ${board.cards.length} cards changed`);
  }
  throw new Error("no listener takes boards in");
}

async function measure() {
  const tauri = window.__TAURI_INTERNALS__;
  const board = await tauri.invoke("board");
  const id = await listener(tauri, board);
  const figures = [[], []];
  let turn = 1;
  for (let batch = 0; batch < 2 * BATCHES; batch++) {
    const laidOut = batch % 2 === 0;
    // What is handed over is parsed before, as the app's own boards are.
    const boards = Array.from({ length: BOARDS }, () => another(board, ++turn));
    const before = texts();
    const begun = performance.now();
    for (const payload of boards) {
      tauri.runCallback(id, { event: "board", id, payload });
      await finished();
      if (laidOut) void document.body.offsetHeight;
    }
    figures[laidOut ? 0 : 1].push((performance.now() - begun) / BOARDS);
    if (texts().some((text, place) => text === before[place])) throw new Error("a card stayed as it was");
    await new Promise(requestAnimationFrame);
  }
  return figures;
}

measure().then(done, (error) => done(String(error)));
