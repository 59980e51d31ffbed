// Where the Rotate wizard's page begins: chooses the backend and puts the window in place.
import { mount } from "svelte";
import "../app.css";
import "./rotate.css";
import { insideTauri, tauriBackend, type RotateBackend } from "./backend";
import Rotate from "./Rotate.svelte";
import { Wizard } from "./wizard.svelte";

/** In a plain browser there is nobody to ask; a made-up sign-in takes its place, in a file of its own. */
async function chooseBackend(): Promise<RotateBackend> {
  if (insideTauri()) return tauriBackend();
  const { fakeBackend } = await import("./fake");
  return fakeBackend(new URLSearchParams(location.search));
}

mount(Rotate, { target: document.body, props: { wizard: new Wizard(await chooseBackend()) } });
