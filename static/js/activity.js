// Polls for activity on every page: running work, work that has ended, and agents that have stopped responding.

import { contentChanged } from "./content.js";
import { refresh, whenReleased } from "./refresh.js";
import { sessionEnded } from "./session.js";
import { stored } from "./storage.js";
import { keepToast, restoreToasts, settleToast, showToast } from "./toasts.js";

const [WORKING_MS, IDLE_MS] = [2000, 15000];
// The server shares a list between its viewers for a second.
const SHARED_MS = 1100;

const page = document.body.dataset;
// All tabs of the browser share the cursor, so that a second tab does not show the same news again.
const cursor = stored(() => localStorage, `activity-${page.user}`);
let running = Number(page.running);
let asking = false;
let leaving = false;
let next = 0;

function show({ version, running: now, down, notices, bell }) {
  page.activityVersion = version;
  running = now;
  // A list without work in progress does not poll, so refresh it when the number of servers that are down changes.
  if (String(down) !== page.down) refresh();
  page.down = down;
  document.title = (running ? `(${running}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  whenReleased("notices", () => {
    const place = document.getElementById("notices");
    const isOpen = place.querySelector("details")?.open;
    place.innerHTML = notices;
    if (isOpen) place.querySelector("details")?.setAttribute("open", "");
    showBell(bell);
    contentChanged();
  });
}

// Morphing keeps an open list open, where it is scrolled to. The button "Mark all as read" disappears when it has worked.
function showBell(html) {
  const bell = document.getElementById("bell");
  const focused = bell.contains(document.activeElement);
  Idiomorph.morph(bell, html, { morphStyle: "innerHTML" });
  htmx.process(bell);
  if (focused && !bell.contains(document.activeElement)) bell.querySelector("button").focus();
}

// Fetches the activity once. Returns false if polling should stop.
async function ask() {
  const query = new URLSearchParams({ version: page.activityVersion });
  // On a hidden page, users see only the title, so toasts wait.
  if (!document.hidden) query.set("since", cursor.get() ?? page.since);
  const answer = await fetch(`${page.activity}?${query}`, {
    headers: { "HX-Request": "true" },
    signal: AbortSignal.timeout(20000),
  });
  if (answer.status === 401) sessionEnded();
  // The role was lost; the user's next click will show it.
  if ([401, 403].includes(answer.status)) return false;
  if (!answer.ok) throw new Error(answer.status);
  settleToast("offline");
  if (answer.status === 204) return true;
  const news = await answer.json();
  if (news.cursor) cursor.set(news.cursor);
  show(news);
  news.toasts.forEach(keepToast);
  if (news.toasts.length) {
    refresh();
    // The list may have been rendered just before the work ended.
    setTimeout(refresh, SHARED_MS);
  }
  return true;
}

function askLater(after) {
  clearTimeout(next);
  next = setTimeout(poll, after);
}

async function poll() {
  if (asking) return askLater(200);
  asking = true;
  let going = true;
  try {
    // When several windows poll at once, the lock lets only one of them show the news.
    going = await (navigator.locks ? navigator.locks.request(`activity-${page.user}`, ask) : ask());
  } catch {
    if (!leaving && !document.hidden) showToast({ message: page.sayOffline, tone: "bad", key: "offline" });
  }
  asking = false;
  if (going && (running || !document.hidden)) askLater(running && !document.hidden ? WORKING_MS : IDLE_MS);
}

if (page.activity) {
  cursor.set(cursor.get() ?? page.since);
  // The server renders the list before it counts the servers that are down, so the list may miss a recent failure.
  if (page.down !== "0") page.down = page.activityVersion = "";
  restoreToasts();
  askLater(500);
  window.addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => (leaving = false), 3000);
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? running || clearTimeout(next) : askLater(0)));
  for (const name of ["refresh", "session-renewed"]) document.addEventListener(name, () => askLater(300));
}
