// Toasts. Each disappears by itself, unless it reports an error or the user is reading it. The toast of work that has
// started changes in place when the work ends.

import { stored } from "./storage.js";

const SHOWN_MS = 6000;
// Work may take hours; its end then gets a toast of its own.
const BUSY_MS = 60000;
const MOST_BUSY = 4;
export const toasts = document.getElementById("toasts");
const timers = new WeakMap();
// The keys of work whose end this page has shown.
const ended = new Set();

const shownFor = (tone) => (tone === "busy" ? BUSY_MS : SHOWN_MS);
const busyToasts = () => [...toasts.querySelectorAll("[data-tone=busy]")];
const busyWith = (keys) => busyToasts().find((toast) => toast.dataset.keys.split(" ").some((key) => keys.includes(key)));

function expire(toast, after = shownFor(toast.dataset.tone)) {
  clearTimeout(timers.get(toast));
  if (toast.dataset.tone === "bad") return;
  timers.set(toast, setTimeout(() => (toast.matches(":hover, :focus-within") ? expire(toast, 1500) : toast.remove()), after));
}

function fill(toast, { message, tone = "ok", url, link, key = "", keys = [] }) {
  Object.assign(toast.dataset, { tone, key, keys: keys.join(" ") });
  toast.ariaLive = null;
  const text = toast.querySelector("p");
  text.textContent = message;
  if (url && link) text.append(" ", Object.assign(document.createElement("a"), { href: url, textContent: link }));
}

// Shows and returns a toast. `key` names a lasting condition: its toast is shown only once until settleToast(key).
// `keys` name work: the toast of its start becomes the toast of its end.
export function showToast(news) {
  const { tone, key, keys = [] } = news;
  if (key && toasts.querySelector(`[data-key="${key}"]`)) return null;
  if (tone === "busy" && keys.some((each) => ended.has(each))) return null;
  if (tone !== "busy") keys.forEach((each) => ended.add(each));
  const toast = busyWith(keys) ?? document.getElementById("toast").content.cloneNode(true).querySelector("[data-toast]");
  fill(toast, news);
  if (!toast.isConnected) toasts.append(toast);
  busyToasts().slice(0, -MOST_BUSY).forEach((old) => old.remove());
  expire(toast);
  return toast;
}

export const settleToast = (key) => toasts.querySelector(`[data-key="${key}"]`)?.remove();

// htmx adds the element that sent the request.
document.addEventListener("toast", ({ detail: { elt, ...news } }) => (news.tone === "busy" ? keepToast : showToast)(news));
document.addEventListener("click", ({ target, ctrlKey, metaKey }) => {
  const toast = target.closest("[data-toast]");
  if (target.closest("[data-toast-close]") || (target.closest("[data-toast] a") && !ctrlKey && !metaKey)) toast.remove();
});
toasts.querySelectorAll("[data-toast]").forEach((toast) => expire(toast));

// When the user opens another page in the same tab, toasts that are still visible appear there too,
// but not on a page in another language.
const kept = stored(() => sessionStorage, `toasts-${document.documentElement.lang}-${document.body.dataset.user}`);
const keptToasts = () => JSON.parse(kept.get() ?? "[]").filter(({ until }) => !until || until > Date.now());
const forget = (id) => id && kept.set(JSON.stringify(keptToasts().filter((toast) => toast.id !== id)));

// Forget a toast that has expired, or that the user has closed or followed.
new MutationObserver((records) => {
  for (const { removedNodes } of records) removedNodes.forEach((toast) => forget(toast.dataset?.kept));
  keepRoom();
}).observe(toasts, { childList: true });

// Toasts have room below the content. When the last one goes, the room stays for as long as the user looks at it:
// without it, the page would move.
const main = document.getElementById("main");
const ROOM_PX = 240;

function keepRoom() {
  // First as high as with toasts: reading a position makes the browser lay out the page.
  main.toggleAttribute("data-room", true);
  const { scrollHeight } = document.documentElement;
  const seen = scrollY > 0 && scrollY + innerHeight > scrollHeight - ROOM_PX;
  main.toggleAttribute("data-room", seen && !toasts.querySelector("[data-toast]"));
}
document.addEventListener("scroll", () => main.hasAttribute("data-room") && keepRoom(), { passive: true });

function keep(news) {
  const toast = showToast(news);
  if (!toast) return;
  forget(toast.dataset.kept);
  toast.dataset.kept = `${Date.now()}-${Math.random()}`;
  const until = news.tone === "bad" ? 0 : Date.now() + shownFor(news.tone);
  kept.set(JSON.stringify([...keptToasts(), { ...news, id: toast.dataset.kept, until }]));
}

// Only one of several tabs gets the news of an end; the others learn it here.
const tabs = window.BroadcastChannel && new BroadcastChannel(`toasts-${document.body.dataset.user}`);
if (tabs) tabs.onmessage = ({ data }) => (busyWith(data.keys) ? keep(data) : data.keys.forEach((key) => ended.add(key)));

export function keepToast(news) {
  keep(news);
  if (news.tone !== "busy" && news.keys?.length) tabs?.postMessage(news);
}

export function restoreToasts() {
  for (const news of keptToasts()) {
    const toast = showToast(news);
    if (!toast) continue;
    toast.dataset.kept = news.id;
    // Screen readers have already read the toast on the page that first showed it.
    toast.ariaLive = "off";
  }
}
