// Runs in the board's page. Scrolls the list to its end and back, a step in every frame. Returns how long each frame took, and how long
// the page's one thread was busy between two chances to do something else (a message to itself is answered at each), both in
// milliseconds. A frame also waits for the screen; what keeps a person's click waiting is a task of the page.
const done = arguments[arguments.length - 1];
const STEP_PX = 40;

const list = document.querySelector(".list");
const gaps = [];
const tasks = [];
const chances = new MessageChannel();
let step = STEP_PX;
let last = null;
let chance = performance.now();
let ended = false;

chances.port1.onmessage = () => {
  const now = performance.now();
  tasks.push(now - chance);
  chance = now;
  if (!ended) chances.port2.postMessage(null);
};

function frame() {
  const now = performance.now();
  if (last !== null) gaps.push(now - last);
  last = now;
  const end = list.scrollHeight - list.clientHeight;
  list.scrollTop += step;
  if (step > 0 && list.scrollTop >= end - 1) step = -STEP_PX;
  if (step < 0 && list.scrollTop <= 0) {
    ended = true;
    done([gaps, tasks]);
  } else requestAnimationFrame(frame);
}

if (list.scrollHeight < 3 * list.clientHeight) done("the list is too short to scroll");
else {
  chances.port2.postMessage(null);
  requestAnimationFrame(frame);
}
