// The checkbox in a table's head ticks all rows of the page, and shows whether all of them are ticked.

import { onContent } from "./content.js";

const boxes = (table) => [...table.querySelectorAll("[data-select]:enabled")];

function showSelection() {
  for (const all of document.querySelectorAll("[data-select-all]")) {
    const rows = boxes(all.closest("table"));
    const ticked = rows.filter((box) => box.checked).length;
    all.disabled = !rows.length;
    all.checked = ticked > 0 && ticked === rows.length;
    all.indeterminate = ticked > 0 && ticked < rows.length;
  }
}

document.addEventListener("change", ({ target }) => {
  const all = target.closest("[data-select-all]");
  if (all) for (const box of boxes(all.closest("table"))) box.checked = all.checked;
  if (all || target.closest("[data-select]")) showSelection();
});

onContent(showSelection);
