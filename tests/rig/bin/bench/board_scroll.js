// Runs in the board's page. Scrolls the list to its end and back, a step in every frame, and returns how long each frame
// took in milliseconds: what holds up the page holds up the next frame.
const done = arguments[arguments.length - 1];
const STEP_PX = 40;

const list = document.querySelector(".list");
const gaps = [];
let step = STEP_PX;
let last = null;

function frame() {
  const now = performance.now();
  if (last !== null) gaps.push(now - last);
  last = now;
  const end = list.scrollHeight - list.clientHeight;
  list.scrollTop += step;
  if (step > 0 && list.scrollTop >= end - 1) step = -STEP_PX;
  if (step < 0 && list.scrollTop <= 0) done(gaps);
  else requestAnimationFrame(frame);
}

if (list.scrollHeight < 3 * list.clientHeight) done("the list is too short to scroll");
else requestAnimationFrame(frame);
