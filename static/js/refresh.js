// The event "refresh" makes a hidden element of each list fetch the list again. This module delays a refresh when
// necessary, and preserves the user's changes.

import { isComposing } from "./keys.js";

export const refresh = () => htmx.trigger(document.body, "refresh");

// A refresh must not discard the result of the user's own request, so it waits until that request ends.

// Maps each user request to the id of its list. Not to the element, because the response may remove the element.
const asked = new Map();
const postponed = new Set();
const isAsked = (id) => [...asked.values()].includes(id);

document.addEventListener("htmx:confirm", (event) => {
  const { elt, target } = event.detail;
  if (!elt.matches("[hidden][hx-trigger^=refresh]") || !isAsked(target.id)) return;
  event.preventDefault();
  postponed.add(target.id);
});
document.addEventListener("htmx:beforeSend", ({ detail: { elt, target, xhr } }) => elt.hidden || asked.set(xhr, target.id));
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  const id = asked.get(xhr);
  asked.delete(xhr);
  if (id && !isAsked(id) && postponed.delete(id)) refresh();
});

// Content must not move under a pressed pointer: a click that begins on one element and ends on another does nothing.
let pressed = null;
const waiting = new Map();

const isPressed = (node) => pressed !== null && node.contains(pressed.target);

// Calls `then` as soon as the pointer is released. A later call with the same name replaces an earlier one.
export function whenReleased(name, then) {
  if (pressed) waiting.set(name, then);
  else then();
}

function release() {
  pressed = null;
  const all = [...waiting.values()];
  waiting.clear();
  all.forEach((then) => then());
}

// The click follows a mouse button's release immediately, but a finger's release only after a delay.
function releaseLater({ pointerType }) {
  const press = pressed;
  setTimeout(() => press && pressed === press && release(), pointerType === "touch" ? 350 : 0);
}

document.addEventListener("pointerdown", ({ target, button, isPrimary }) => {
  if (isPrimary && button === 0) pressed = { target };
}, true);
for (const name of ["pointerup", "pointercancel", "contextmenu", "dragend"]) {
  document.addEventListener(name, releaseLater, true);
}
// The page gets no event for a release outside the window or over one of the browser's menus.
window.addEventListener("blur", releaseLater);
document.addEventListener("pointermove", (event) => {
  if (event.pointerType === "mouse" && !event.buttons) releaseLater(event);
}, true);

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.requestConfig.elt.hidden || !isPressed(detail.target)) return;
  detail.shouldSwap = false;
  whenReleased(detail.target.id, refresh);
});

// Preserve what the user types, ticks, unfolds or edits. The focused field keeps its value.
Idiomorph.defaults.ignoreActiveValue = true;

// Scripts and the user set these attributes; the server's markup lacks them.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  name !== "data-long" &&
  name !== "aria-keyshortcuts" &&
  name !== "aria-busy" &&
  !(name === "checked" && node.matches("[data-select], [data-select-all], [data-select-matching]")) &&
  !(name === "open" && node.matches("details"));

Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !old.dataset || !("editing" in old.dataset);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || isComposing(event)) return;
  event.target.closest("[data-editing]")?.querySelector("[data-cancel]").click();
});

// Back and Forward ask the server for the page: the browser must not show one that it kept, because the user may have
// signed out. No page is stored, but some browsers keep even such a page while its tab is open.
window.addEventListener("pagehide", () => (document.body.hidden = true));
window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
