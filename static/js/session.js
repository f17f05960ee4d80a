// When the session has ended, the page and its dialog stay: a banner says so, and the user signs in again in a dialog.

import { caretToEnd } from "./focus.js";
import { refresh } from "./refresh.js";

const page = document.body.dataset;
const dialog = document.getElementById("dialog");
const door = document.getElementById("sign-in");
let banner = null;
// What the user pressed when the session had ended, if pressing it again is safe: it opens a dialog or a list.
let again = null;

// The banner stands inside an open dialog, because nobody can reach the page behind it.
const place = () => (dialog.open ? dialog : document.getElementById("main")).append(banner);

function showEnded() {
  if (banner) return;
  banner = document.getElementById("session-ended").content.cloneNode(true).querySelector("[data-session-ended]");
  place();
}

function signIn() {
  htmx.ajax("GET", document.getElementById("session-ended").content.querySelector("[data-sign-in]").dataset.signIn, {
    target: "#sign-in-content", swap: "innerHTML",
  });
}

// Shows that the session has ended. If the user was about to do something, lets them sign in at once.
export function sessionEnded(elt = null) {
  showEnded();
  if (!elt || elt.hidden || door.open) return;
  again = elt.matches("a, button") ? elt : null;
  signIn();
}

function go({ user, token }) {
  // The page and what was typed in it belong to somebody else.
  if (user !== page.user) return location.replace(location.pathname + location.search);
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  banner?.remove();
  banner = null;
  const next = again;
  again = null;
  door.close();
  document.dispatchEvent(new Event("session-renewed"));
  refresh();
  if (next?.isConnected) next.click();
}

if (door) {
  document.addEventListener("signed-in", ({ detail }) => go(detail));
  // Until then, the page does not ask for what it will not get.
  document.addEventListener("htmx:beforeRequest", (event) => banner && event.detail.elt.hidden && event.preventDefault());
  document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
    if (target.id !== "sign-in-content") return;
    if (!door.open) door.showModal();
    const [name, password] = ["username", "password"].map((each) => target.querySelector(`[name=${each}]`));
    name.value ||= page.userName;
    const wrong = target.querySelector("[aria-invalid=true]") ?? password;
    wrong.focus();
    caretToEnd(wrong);
  });
  dialog.addEventListener("close", () => banner && place());
  door.addEventListener("close", () => document.getElementById("sign-in-content").replaceChildren());
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-sign-in]")) signIn();
    if (target.closest("[data-sign-in-close]")) door.close();
  });
}
