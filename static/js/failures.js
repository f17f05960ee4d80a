// Shows why a request failed: in the open dialog's form, otherwise in a toast.

import { sessionEnded } from "./session.js";
import { settleToast, showToast } from "./toasts.js";

const say = document.body.dataset;

function explain({ elt, xhr }) {
  if (xhr.status === 401) return sessionEnded(elt);
  // A deleted object does not come back, so its page stops polling.
  if (xhr.status === 404 && elt.matches("[hx-trigger^=every]")) elt.remove();
  const standard = { 0: say.sayOffline, 403: say.sayForbidden, 404: say.sayMissing }[xhr.status] ?? say.sayFailed;
  const message = ([403, 503].includes(xhr.status) && reasonIn(xhr)) || standard;
  const place = elt.closest("dialog")?.querySelector("[data-form-error]");
  if (!place) return showToast({ message, tone: "bad", key: xhr.status ? "request" : "offline" });
  place.querySelector("p").textContent = message;
  place.hidden = false;
  place.focus();
}

// Returns the server's reason if the response is a fragment and not a page.
function reasonIn({ responseText }) {
  if (/<html/i.test(responseText)) return "";
  return new DOMParser().parseFromString(responseText, "text/html").body.textContent.trim();
}

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, ({ detail }) => explain(detail));
}
document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  const place = elt.querySelector?.("[data-form-error]");
  if (place) place.hidden = true;
});
document.addEventListener("htmx:afterRequest", ({ detail: { successful } }) => {
  if (successful) ["request", "offline"].forEach(settleToast);
});
