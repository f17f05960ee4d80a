// The search over everything: Ctrl-K opens its dialog; arrow keys choose a result, Enter follows it.

import { isComposing } from "./keys.js";

const dialog = document.getElementById("search-dialog");
const field = document.getElementById("search-field");
const results = document.getElementById("search-results");
const options = () => [...results.querySelectorAll("[role=option]")];
const chosen = () => results.querySelector("[aria-selected=true]");

function open() {
  if (dialog && !document.querySelector("dialog[open]")) dialog.showModal();
  field.focus();
  field.select();
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-expanded", String(Boolean(option)));
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

// Without this module, the key does nothing.
for (const link of document.querySelectorAll("[data-search]")) link.ariaKeyShortcuts = "Control+K";

// Chooses the option `step` places further, from the last to the first.
function move(step) {
  const all = options();
  if (all.length) choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
}

document.addEventListener("keydown", (event) => {
  if (!field || event.altKey || event.shiftKey || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  open();
});

document.addEventListener("click", (event) => {
  if (!dialog || event.ctrlKey || event.metaKey || !event.target.closest("[data-search]")) return;
  event.preventDefault();
  open();
});

field?.addEventListener("keydown", (event) => {
  if (isComposing(event)) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) move(step);
  else if (event.key === "Enter" && chosen()) chosen().click();
  else return;
  event.preventDefault();
});

// The best result is chosen as soon as there is one.
results?.addEventListener("htmx:afterSwap", () => choose(options()[0]));

// A click on the backdrop closes the dialog.
dialog?.addEventListener("click", ({ target }) => {
  if (target === dialog) dialog.close();
});
