// Shows at once that a request of the user's is under way, and ignores presses that would repeat it.

import { announce } from "./announcer.js";

const content = document.getElementById("dialog-content");
const SLOW_MS = 400;
// Maps each pressed element to its request.
const active = new Map();

// Returns what shows the request: the button of a form, the button of a menu that has closed, or the element itself.
function shownBy(elt) {
  if (elt.matches("form")) return elt.querySelector("[data-submit], [type=submit]:not(.visually-hidden)");
  const menu = elt.closest("[popover]");
  return menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : elt;
}

// While a field waits for other options, nobody can choose an old one or submit the form. Returns what undoes that.
function holdField(field) {
  const select = field.querySelector("select");
  const submit = field.closest("form").querySelector("[data-submit]");
  const options = [...select.childNodes];
  field.ariaBusy = submit.ariaDisabled = "true";
  select.disabled = true;
  select.replaceChildren(new Option(document.body.dataset.sayLoading));
  return () => {
    // Once the field has been replaced, this changes nothing that the page still shows.
    field.removeAttribute("aria-busy");
    submit.removeAttribute("aria-disabled");
    select.disabled = false;
    select.replaceChildren(...options);
  };
}

document.addEventListener("htmx:confirm", (event) => {
  const { elt } = event.detail;
  if (active.has(elt) || (elt.matches("form") && elt.querySelector(".field[aria-busy=true]"))) event.preventDefault();
});

document.addEventListener("htmx:beforeSend", ({ detail: { elt, target, xhr } }) => {
  if (target?.matches("#dialog-content .field")) {
    xhr.addEventListener("loadend", holdField(target));
    return;
  }
  if (!elt.matches("a, button, form[hx-post]")) return;
  const opens = target === content && !content.contains(elt);
  // Of two dialogs that the user asks for, the later one opens.
  if (opens) for (const other of active.values()) if (other.opens) other.xhr.abort();
  const mark = shownBy(elt);
  if (mark) mark.ariaBusy = "true";
  const later = setTimeout(() => announce(document.body.dataset.sayLoading), SLOW_MS);
  active.set(elt, { xhr, opens });
  xhr.addEventListener("loadend", () => {
    clearTimeout(later);
    if (active.get(elt)?.xhr === xhr) active.delete(elt);
    mark?.removeAttribute("aria-busy");
  });
});

// Forms that htmx does not send: the page stays until the answer comes.
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.ariaBusy) return event.preventDefault();
  form.ariaBusy = "true";
  if (submitter) submitter.ariaBusy = "true";
});
