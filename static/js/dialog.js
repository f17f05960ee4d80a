// The dialog opens when htmx swaps a form into it, asks before it discards what the user typed, and returns the focus
// when it closes.

import { caretToEnd, focusIsLost, focusPlace, placeOf } from "./focus.js";
import { isComposing, takePressedFrom } from "./keys.js";

const dialog = document.getElementById("dialog");
const content = document.getElementById("dialog-content");
const FIRST = ["[aria-invalid=true]", "[autofocus]", "input:not([type=hidden]), select, textarea", "[data-submit]"];
let opener = null;

document.addEventListener("htmx:beforeRequest", ({ detail: { elt, target } }) => {
  if (target !== content || dialog.contains(elt)) return;
  // The menu has already closed, so the focus returns to its button. A form cannot take the focus.
  const menu = elt.closest("[popover]");
  const from = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : elt;
  opener = placeOf(takePressedFrom() ?? (from.matches("form") ? document.activeElement : from));
});

document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
  if (target !== content) return;
  if (!dialog.open) dialog.showModal();
  const first = FIRST.map((selector) => dialog.querySelector(selector)).find(Boolean);
  first?.focus();
  caretToEnd(first);
});

// After an error, the server does not send passwords and keys back, so restore the typed ones.
const SECRET = ":is([type=password], [data-secret])";
let passwords = [];
document.addEventListener("htmx:beforeSwap", ({ detail: { target, xhr } }) => {
  const fields = target === content && xhr.status === 422 ? target.querySelectorAll(SECRET) : [];
  passwords = [...fields].map(({ name, value }) => ({ name, value }));
});
document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  for (const { name, value } of passwords) {
    const field = target.querySelector(`${SECRET}[name="${name}"]`);
    if (field && !field.value) field.value = value;
  }
  passwords = [];
});

// The user may leave before the answer comes: the errors of a form that is gone must not open the dialog again.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt } = detail.requestConfig;
  if (detail.target === content && elt.matches("form") && !elt.isConnected) detail.shouldSwap = false;
});

document.addEventListener("dialog-close", () => dialog.close());

dialog?.addEventListener("close", () => {
  typed = false;
  content.replaceChildren();
  // Usually the browser has already returned the focus, or the user has moved it.
  if (focusIsLost()) focusPlace(opener);
});

// Cancel and Close discard what was typed without a question; Escape and a click on the backdrop may be slips.
const question = document.getElementById("discard");
let typed = false;
dialog?.addEventListener("input", ({ target }) => (typed ||= Boolean(target.form)));

function dismiss() {
  if (typed) question.showModal();
  else dialog.close();
}

question?.addEventListener("close", () => {
  if (question.returnValue === "discard") dialog.close();
  question.returnValue = "";
});
// Without this, Chrome closes the dialog at a second Escape, whatever the listener of "cancel" says.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || isComposing(event) || !typed || document.querySelector("dialog:modal:not(#dialog)")) return;
  event.preventDefault();
  dismiss();
});
dialog?.addEventListener("cancel", (event) => {
  event.preventDefault();
  dismiss();
});

// A click on the backdrop closes the dialog only if the press began there: a text selection may end outside.
let pressedOnBackdrop = false;
dialog?.addEventListener("mousedown", (event) => {
  pressedOnBackdrop = event.target === dialog;
  // The field keeps the focus.
  if (pressedOnBackdrop) event.preventDefault();
});
dialog?.addEventListener("click", ({ target }) => {
  if (target.closest("[data-dialog-close]")) dialog.close();
  else if (target === dialog && pressedOnBackdrop) dismiss();
});
