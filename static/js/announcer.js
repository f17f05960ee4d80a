// Announces visual changes to screen readers, politely and once.

import { toasts } from "./toasts.js";

let silence = 0;

// Behind an open dialog nothing is read, so each dialog has an announcer of its own.
const announcerNow = () => [...document.querySelectorAll("dialog:modal > [data-announcer]")].at(-1) ?? document.getElementById("announcer");

export function announce(text) {
  clearTimeout(silence);
  const announcer = announcerNow();
  announcer.textContent = text;
  silence = setTimeout(() => (announcer.textContent = ""), 5000);
}

// When a refresh changes a status, announce it with its owner's name, unless a toast reports it, perhaps a bit later.
const TOASTS_MAY_COME_MS = 2500;
const shownAt = new WeakMap();
const changed = new Map();
let statuses = new Map();
let announcing = 0;

new MutationObserver((records) => {
  for (const { target, addedNodes } of records) {
    for (const node of [target.closest("[data-toast]"), ...addedNodes]) if (node) shownAt.set(node, Date.now());
  }
}).observe(toasts, { childList: true, subtree: true });

const isInToast = (name) =>
  [...toasts.children].some((toast) => Date.now() - shownAt.get(toast) < 2 * TOASTS_MAY_COME_MS && toast.textContent.includes(name));

function statusesIn(list) {
  const named = list ? [list, ...list.querySelectorAll("[data-called]")].filter((node) => "called" in node.dataset) : [];
  return new Map(named.map((node) => [node.id, { name: node.dataset.called, status: node.querySelector(".badge").textContent }]));
}

function announceChanged() {
  announcing = 0;
  const sentences = [...changed.values()]
    .filter(({ name }) => !isInToast(name))
    .map(({ name, status }) => document.body.dataset.sayStatus.replace("{name}", () => name).replace("{status}", () => status));
  changed.clear();
  if (sentences.length) announce(sentences.join(" "));
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => (statuses = statusesIn(detail.target)));
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  for (const [id, now] of statusesIn(document.getElementById(detail.target.id))) {
    if (statuses.has(id) && statuses.get(id).status !== now.status) changed.set(id, now);
  }
  if (changed.size) announcing ||= setTimeout(announceChanged, TOASTS_MAY_COME_MS);
});
