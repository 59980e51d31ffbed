// A list that scrolls between what stands above and below it. Owns telling its style which of its ends have more to show (a hairline says
// so there, see app.css), and what its scroll bar takes.

/** Marks the list anew; to be called when it was scrolled, or has another size. */
export function markEdges(list: HTMLElement): void {
  // A scroll bar that takes room stands in the padding, so that cards are equally wide with and without it.
  list.style.setProperty("--bar", `${list.offsetWidth - list.clientWidth}px`);
  list.toggleAttribute("data-above", list.scrollTop > 1);
  list.toggleAttribute("data-below", list.scrollTop + list.clientHeight < list.scrollHeight - 1);
}
