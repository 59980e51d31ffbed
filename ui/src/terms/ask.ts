// The first run: puts the sheet in the window's place until the person agrees. Loaded only then, apart from the board.
import { mount, unmount } from "svelte";
import type { Backend } from "../backend";
import Terms from "./Terms.svelte";

/** Returns when the person has agreed and that is written down. */
export async function ask(backend: Backend): Promise<void> {
  const { promise, done } = waiting();
  const sheet = mount(Terms, { target: document.body, props: { backend, onagreed: done } });
  await promise;
  await unmount(sheet);
  history.replaceState(null, "", location.pathname + location.search);
}

function waiting() {
  let done = () => {};
  const promise = new Promise<void>((resolve) => (done = resolve));
  return { promise, done };
}
