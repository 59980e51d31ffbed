// The History window in the dark theme; what is asked of it stands in `history.ts`.
import { everyHistory } from "./history";

everyHistory("dark");
