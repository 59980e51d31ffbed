// The History window in the light theme; what is asked of it stands in `history.ts`.
import { everyHistory } from "./history";

everyHistory("light");
