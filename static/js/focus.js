// Keeps the keyboard focus from getting lost: returns it to its place, or to the nearest element that can take it.

const FOCUSABLE = "a[href], button:enabled, input:enabled:not([type=hidden]), select:enabled, [tabindex='0']";

const canHaveFocus = (node) =>
  node?.isConnected && node.matches(`${FOCUSABLE}, [tabindex]`) && node.checkVisibility({ visibilityProperty: true });
const firstIn = (node) => [...(node?.querySelectorAll(FOCUSABLE) ?? [])].find(canHaveFocus);
const firstOf = (row) => [row?.querySelector(".name a")].find(canHaveFocus) ?? firstIn(row);

// Puts the caret behind the text of a field, if the node is a field with a caret.
export function caretToEnd(node) {
  if (node?.matches("textarea, input:is([type=text], [type=search], [type=password])")) {
    node.setSelectionRange(node.value.length, node.value.length);
  }
}

export const focusIsLost = () => document.activeElement === document.body || !canHaveFocus(document.activeElement);

// Describes the node's place in terms that stay valid when the node is gone.
export function placeOf(node) {
  const row = node?.closest?.("tbody tr");
  return {
    node,
    id: node?.id,
    row: row?.id,
    index: row?.sectionRowIndex,
    cell: node?.closest?.("td")?.cellIndex,
    list: (row ?? node)?.closest?.("section")?.id,
  };
}

// Focuses the first of these that can take the focus: the same element, the element that now has its id, its cell, its
// row, the row that moved into its place, the list's search, the list, the page.
export function focusPlace(place) {
  const list = document.getElementById(place?.list);
  const row = document.getElementById(place?.row);
  const rows = place?.row && !row ? list?.querySelector("tbody")?.rows : null;
  const next = rows?.[Math.min(place.index, rows.length - 1)];
  const near = [
    place?.node, document.getElementById(place?.id), firstIn(row?.cells[place.cell]), firstOf(row), firstOf(next),
    list?.querySelector("[data-shortcut='/']"), firstIn(list),
  ].find(canHaveFocus);
  (near ?? document.getElementById("main")).focus({ preventScroll: !next });
}

let swappedAway = null;

document.addEventListener("htmx:beforeSwap", ({ detail: { shouldSwap, target } }) => {
  const active = document.activeElement;
  // If an earlier swap that has not settled yet took the focus, keep the place remembered for that swap.
  if (!shouldSwap || active === document.body) return;
  swappedAway = target.id !== "dialog-content" && target.contains(active) ? placeOf(active) : null;
});
document.addEventListener("htmx:afterSettle", () => {
  if (swappedAway && focusIsLost()) focusPlace(swappedAway);
  swappedAway = null;
});

// The server may ask the browser to reload the page, for example after a rename.
const KEY = "focus-after-reload";

document.addEventListener("htmx:beforeOnLoad", ({ detail: { elt, xhr } }) => {
  if (!xhr.getResponseHeader("HX-Refresh")) return;
  try { sessionStorage.setItem(KEY, elt.closest("main [id]")?.id ?? ""); } catch { /* the page begins at its top */ }
});
try {
  const id = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (id) firstIn(document.getElementById(id))?.focus({ preventScroll: true });
} catch { /* the page begins at its top */ }
