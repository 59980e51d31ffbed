// The scenes in the light theme; what is asked of them stands in `scenes.ts`.
import { everyScene } from "./scenes";

everyScene("light");
