// Forms: character counters, weekdays forced by another field, Enter, and the caret.

import { isComposing } from "./keys.js";
import { onContent } from "./content.js";
import { caretToEnd } from "./focus.js";

// Counts code points, as the server does; a browser's own length counts an emoji as two.
function count(area) {
  const limit = Number(area.dataset.countTo);
  const length = [...area.value].length;
  const counter = area.closest(".field")?.querySelector("[data-counter]");
  if (!counter) return;
  // Screen readers read the counter only near the limit, not after every key press.
  counter.ariaLive = length > limit - 20 ? "polite" : "off";
  counter.textContent = `${length}/${limit}`;
  counter.toggleAttribute("data-over", length > limit);
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-count-to]")) count(target);
});

// Backups that are kept for less than a week must be made every day, so the weekdays cannot be chosen.
function forceDays(field) {
  const days = field.value.trim();
  const forced = /^[0-9]+$/.test(days) && Number(days) >= 1 && Number(days) < Number(field.dataset.everyDayBelow);
  for (const box of field.form.querySelectorAll("[name=weekdays]")) {
    if (forced && !box.disabled) box.dataset.was = box.checked ? "1" : "";
    if (!forced && box.disabled) box.checked = Boolean(box.dataset.was);
    if (forced) box.checked = true;
    box.disabled = forced;
  }
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-every-day-below]")) forceDays(target);
});

document.addEventListener("keydown", (event) => {
  // A description cannot contain line breaks, so Enter submits the form.
  if (!event.target.matches("textarea[data-count-to]") || event.key !== "Enter" || isComposing(event)) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

// Leaves empty filters out of the URL.
document.addEventListener("htmx:configRequest", ({ detail: { verb, formData } }) => {
  if (verb !== "get") return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

// With Tab, browsers select the whole text. In a name the caret goes to the end instead: one key must not replace it.
let tabbed = false;
for (const type of ["keydown", "keyup"]) {
  document.addEventListener(type, ({ key }) => (tabbed = type === "keydown" && key === "Tab"), true);
}
document.addEventListener("focusin", ({ target }) => {
  if (tabbed && target.matches?.("[data-caret-at-end]")) caretToEnd(target);
});
// A field with autofocus may have the focus before this script runs; htmx focuses it in a form that edits in place.
const focused = document.activeElement;
if (focused.matches("[data-caret-at-end]")) caretToEnd(focused);
document.addEventListener("htmx:load", ({ target }) => target.matches("[data-editing]") && caretToEnd(document.activeElement));

onContent(() => {
  document.querySelectorAll("[data-count-to]").forEach(count);
  document.querySelectorAll("[data-every-day-below]").forEach(forceDays);
});
