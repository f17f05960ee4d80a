// Single-key shortcuts: the key named by data-shortcut focuses a field, and presses a link or a button.

import { onContent } from "./content.js";
import { focusPlace, placeOf } from "./focus.js";
import { stored } from "./storage.js";

// Whether a key belongs to an input method, such as the Enter that accepts its suggestion. Safari ends the composition
// before it reports the last key, whose code still says that an input method took it.
export const isComposing = ({ isComposing, keyCode }) => isComposing || keyCode === 229;

const TYPED_INTO = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

const chosen = stored(() => localStorage, "keys");
const areOn = () => chosen.get() !== "off";
let searchedFrom = null;
let pressedFrom = null;

// Returns the element that had the focus when a shortcut pressed something; null if none has since the last call.
export function takePressedFrom() {
  const from = pressedFrom;
  pressedFrom = null;
  return from;
}

// Exposes the shortcuts to screen readers only while they are on.
function announceKeys() {
  const on = areOn();
  for (const node of document.querySelectorAll("[data-shortcut]")) {
    if (on) node.ariaKeyShortcuts = node.dataset.shortcut === "?" ? "Shift+?" : node.dataset.shortcut;
    else node.removeAttribute("aria-keyshortcuts");
  }
  for (const box of document.querySelectorAll("[data-keys-switch]")) box.checked = on;
}

// Returns the element of a shortcut. If every row has the shortcut, the row with the focus gets it.
function targetOf(key) {
  const all = [...document.querySelectorAll(`[data-shortcut="${CSS.escape(key)}"]`)];
  const row = document.activeElement.closest("tr");
  return all.find((node) => row?.contains(node)) ?? all.find((node) => !node.closest("tr"));
}

function use(node) {
  const from = document.activeElement === document.body ? null : document.activeElement;
  if (node.matches("input")) {
    searchedFrom = placeOf(from);
    node.focus();
    node.select();
  } else if (node.ariaDisabled) {
    node.focus();
  } else {
    pressedFrom = from;
    node.click();
  }
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (isComposing(event)) return;
  // The first Escape in a search clears it: the browser does that itself.
  const leaves = key === "Escape" && target.matches("[data-shortcut='/']") && !(target.type === "search" && target.value);
  if (leaves) focusPlace(searchedFrom);
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || key.length !== 1) return;
  if (!areOn() || target.matches(TYPED_INTO) || document.querySelector("dialog[open], :popover-open")) return;
  const node = targetOf(key);
  if (!node) return;
  event.preventDefault();
  use(node);
});

document.addEventListener("change", ({ target }) => {
  if (!target.closest("[data-keys-switch]")) return;
  chosen.set(target.checked ? "on" : "off");
  announceKeys();
});

onContent(announceKeys);
