// The scenes in the dark theme; what is asked of them stands in `scenes.ts`.
import { everyScene } from "./scenes";

everyScene("dark");
