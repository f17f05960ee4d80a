// The event "refresh" fetches a list anew, through hidden elements of the list itself. Here is when that has to wait, and
// what it leaves as it is.

export const refresh = () => htmx.trigger(document.body, "refresh");

// A refresh must not throw away what the user just asked of the list, so it comes after that.

// The id of the list that each request of the user is for. Not the element: the answer may remove it.
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

// Nor must anything move under a pressed pointer: the click would begin on one thing, end on another, and be none.
let pressed = null;
const waiting = new Map();

const isPressed = (node) => pressed !== null && node.contains(pressed.target);

// Calls `then` as soon as nothing is pressed; of several calls with one name, only the last.
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

// The click comes right after the release of a button, and some time after that of a finger.
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
// The page does not learn of a release outside the window or over a menu of the browser's own.
window.addEventListener("blur", releaseLater);
document.addEventListener("pointermove", (event) => {
  if (event.pointerType === "mouse" && !event.buttons) releaseLater(event);
}, true);

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.requestConfig.elt.hidden || !isPressed(detail.target)) return;
  detail.shouldSwap = false;
  whenReleased(detail.target.id, refresh);
});

// What the user types, ticks, unfolds or edits stays. A field that is being typed into keeps what was typed.
Idiomorph.defaults.ignoreActiveValue = true;

// Scripts and the user set these; the server's markup does not know them.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  name !== "data-long" &&
  name !== "aria-keyshortcuts" &&
  !(name === "checked" && node.matches("[data-select], [data-select-all]")) &&
  !(name === "open" && node.matches("details"));

Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !old.dataset || !("editing" in old.dataset);

document.addEventListener("keydown", ({ key, target }) => {
  if (key === "Escape") target.closest("[data-editing]")?.querySelector("[data-cancel]").click();
});
