// A list that scrolls between what stands above and below it. Owns telling its style which of its ends have more to show (a hairline says
// so there, see app.css), and what its scroll bar takes.

/** Marks the list anew; to be called when it was scrolled, or has another size. */
export function markEdges(list: HTMLElement): void {
  // Looked at before anything is changed, so that the page is laid out once.
  const bar = `${list.offsetWidth - list.clientWidth}px`;
  const above = list.scrollTop > 1;
  const below = list.scrollTop + list.clientHeight < list.scrollHeight - 1;
  // A scroll bar that takes room stands in the padding, so that cards are equally wide with and without it. Every card inherits
  // what is set here, and is restyled.
  if (bar !== (list.style.getPropertyValue("--bar") || "0px")) list.style.setProperty("--bar", bar);
  list.toggleAttribute("data-above", above);
  list.toggleAttribute("data-below", below);
}
