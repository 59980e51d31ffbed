// The Rotate wizard in the light theme; what is asked of it stands in `rotate.ts`.
import { everyRotation } from "./rotate";

everyRotation("light");
