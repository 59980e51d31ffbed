// How things move in this window, if they move at all.
import { cubicOut } from "svelte/easing";
import type { SlideParams } from "svelte/transition";

const GLIDE_MS = 160;

/** Parameters for a part that opens or closes; no time at all for a person who asked for less motion. */
export function glide(): SlideParams {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  return { duration: still ? 0 : GLIDE_MS, easing: cubicOut };
}
