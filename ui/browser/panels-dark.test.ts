// What opens by a click, in the dark theme; what is asked of it stands in `panels.ts`.
import { everyPanel } from "./panels";

everyPanel("dark");
