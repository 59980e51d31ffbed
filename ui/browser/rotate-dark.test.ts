// The Rotate wizard in the dark theme; what is asked of it stands in `rotate.ts`.
import { everyRotation } from "./rotate";

everyRotation("dark");
