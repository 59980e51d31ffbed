// Where the History window's page begins: chooses the backend and puts the window in place.
// First of all, because the plots look at the language while they are loaded.
import "./locale";
import { mount } from "svelte";
import "uplot/dist/uPlot.min.css";
import "../app.css";
import "./history.css";
import { insideTauri, tauriBackend, type HistoryBackend } from "./backend";
import History from "./History.svelte";
import { Past } from "./past.svelte";

/** In a plain browser there is nobody to ask; a made-up past takes its place, in a file of its own. */
async function chooseBackend(): Promise<HistoryBackend> {
  if (insideTauri()) return tauriBackend();
  const { fakeBackend } = await import("./fake");
  return fakeBackend(new URLSearchParams(location.search));
}

mount(History, { target: document.body, props: { past: new Past(await chooseBackend()) } });
