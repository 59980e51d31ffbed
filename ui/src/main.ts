// Where the page begins: chooses the backend, says on which system it stands, and puts the board in place;
// at the first run after the sheet with the terms.
import { mount } from "svelte";
import "./app.css";
import { insideTauri, tauriBackend, type Backend } from "./backend";
import Board from "./components/Board.svelte";
import { Controls } from "./controls.svelte";
import { installProbe } from "./probe";

/** In a plain browser there is nobody to ask; scenes take the place of the app, in a file of their own. */
async function chooseBackend(): Promise<Backend> {
  if (insideTauri()) return tauriBackend();
  const { fakeBackend } = await import("./fake/backend");
  return fakeBackend(new URLSearchParams(location.search));
}

document.documentElement.dataset["platform"] = navigator.platform.startsWith("Mac") ? "macos" : "linux";
installProbe();
const backend = await chooseBackend();
// The shell says so in the address. Almost always the person has long agreed, and nothing of the sheet is loaded.
if (location.hash === "#terms") await (await import("./terms/ask")).ask(backend);
const controls = new Controls(backend);
mount(Board, { target: document.body, props: { controls } });
