// The checkbox in a table's head ticks all rows of the page, and shows whether all of them are ticked. Once they are, another
// one selects all rows that match the filters, on the page or not.

import { onContent } from "./content.js";

const boxes = (list) => [...list.querySelectorAll("[data-select]:enabled")];

function showSelection() {
  for (const all of document.querySelectorAll("[data-select-all]")) {
    const list = all.closest("section");
    const rows = boxes(list);
    const ticked = rows.filter((box) => box.checked).length;
    all.disabled = !rows.length;
    all.checked = ticked > 0 && ticked === rows.length;
    all.indeterminate = ticked > 0 && ticked < rows.length;
    if (!all.checked) untickMatching(list);
  }
}

function untickMatching(list) {
  for (const box of list.querySelectorAll("[data-select-matching]")) box.checked = false;
}

document.addEventListener("change", ({ target }) => {
  const all = target.closest("[data-select-all]");
  if (all) for (const box of boxes(all.closest("section"))) box.checked = all.checked;
  if (all || target.closest("[data-select]")) showSelection();
});

// The selected rows are gone.
document.addEventListener("dialog-close", () => untickMatching(document));

onContent(() => {
  // Rows that arrive, or that another page shows, match too.
  for (const matching of document.querySelectorAll("[data-select-matching]:checked")) {
    for (const box of boxes(matching.closest("section"))) box.checked = true;
  }
  showSelection();
});
