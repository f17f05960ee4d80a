// Toasts. Each disappears by itself, unless it reports an error or the user is reading it.

import { stored } from "./storage.js";

const SHOWN_MS = 6000;
export const toasts = document.getElementById("toasts");

function expire(toast, after = SHOWN_MS) {
  if (toast.dataset.tone === "bad") return;
  setTimeout(() => (toast.matches(":hover, :focus-within") ? expire(toast, 1500) : toast.remove()), after);
}

// Shows and returns a toast. `key` names a lasting condition: its toast is shown only once until settleToast(key).
export function showToast({ message, tone = "ok", url, link, key = "" }) {
  if (key && toasts.querySelector(`[data-key="${key}"]`)) return null;
  const toast = document.getElementById("toast").content.cloneNode(true).querySelector("[data-toast]");
  toast.dataset.tone = tone;
  toast.dataset.key = key;
  const text = toast.querySelector("p");
  text.textContent = message;
  if (url && link) text.append(" ", Object.assign(document.createElement("a"), { href: url, textContent: link }));
  toasts.append(toast);
  expire(toast);
  return toast;
}

export const settleToast = (key) => toasts.querySelector(`[data-key="${key}"]`)?.remove();

document.addEventListener("toast", ({ detail }) => showToast(detail));
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-toast-close]")) target.closest("[data-toast]").remove();
});
toasts.querySelectorAll("[data-toast]").forEach((toast) => expire(toast));

// When the user opens another page in the same tab, toasts that are still visible appear there too,
// but not on a page in another language.
const kept = stored(() => sessionStorage, `toasts-${document.documentElement.lang}-${document.body.dataset.user}`);
const keptToasts = () => JSON.parse(kept.get() ?? "[]").filter(({ until }) => !until || until > Date.now());

function showKept(news, { again = false } = {}) {
  const toast = showToast(news);
  // Screen readers have already read the toast on the page that first showed it.
  if (again) toast.ariaLive = "off";
  // Forget a toast that has expired, or that the user has closed or followed.
  new MutationObserver((_, observer) => {
    if (toast.isConnected) return;
    kept.set(JSON.stringify(keptToasts().filter(({ id }) => id !== news.id)));
    observer.disconnect();
  }).observe(toasts, { childList: true });
  toast.querySelector("a")?.addEventListener("click", (event) => event.ctrlKey || event.metaKey || toast.remove());
}

export function keepToast(news) {
  const id = `${Date.now()}-${Math.random()}`;
  const toast = { ...news, id, until: news.tone === "bad" ? 0 : Date.now() + SHOWN_MS };
  kept.set(JSON.stringify([...keptToasts(), toast]));
  showKept(toast);
}

export const restoreToasts = () => keptToasts().forEach((news) => showKept(news, { again: true }));
