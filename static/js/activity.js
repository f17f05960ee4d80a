// Asks for news, wherever in the console the user is: how much work runs, what has ended, which agents are missing.

import { contentChanged } from "./content.js";
import { refresh, whenReleased } from "./refresh.js";
import { stored } from "./storage.js";
import { keepToast, restoreToasts, settleToast, showToast } from "./toasts.js";

const [WORKING_MS, IDLE_MS] = [2000, 15000];

const page = document.body.dataset;
// One for all tabs of the browser: what one tab has shown, no other shows again.
const cursor = stored(() => localStorage, `activity-${page.user}`);
let running = Number(page.running);
let asking = false;
let leaving = false;
let next = 0;

function show({ version, running: now, down, notices }) {
  page.activityVersion = version;
  running = now;
  // A list that has come to rest does not ask by itself.
  if (String(down) !== page.down) refresh();
  page.down = down;
  document.title = (running ? `(${running}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  whenReleased("notices", () => {
    document.getElementById("notices").innerHTML = notices;
    contentChanged();
  });
}

// Returns false if there is no point in asking again.
async function ask() {
  const query = new URLSearchParams({ version: page.activityVersion });
  // Nobody sees a toast on a hidden page, but everybody sees its title.
  if (!document.hidden) query.set("since", cursor.get() ?? page.since);
  const answer = await fetch(`${page.activity}?${query}`, {
    headers: { "HX-Request": "true" },
    signal: AbortSignal.timeout(20000),
  });
  // The session or the role has ended; the next click says so.
  if (answer.headers.has("HX-Redirect") || answer.status === 403) return false;
  if (!answer.ok) throw new Error(answer.status);
  settleToast("offline");
  if (answer.status === 204) return true;
  const news = await answer.json();
  if (news.cursor) cursor.set(news.cursor);
  show(news);
  news.toasts.forEach(keepToast);
  if (news.toasts.length) refresh();
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
    // Of several windows that ask at the same moment, one shows the news.
    going = await (navigator.locks ? navigator.locks.request(`activity-${page.user}`, ask) : ask());
  } catch {
    if (!leaving && !document.hidden) showToast({ message: page.sayOffline, tone: "bad", key: "offline" });
  }
  asking = false;
  if (going && (running || !document.hidden)) askLater(running && !document.hidden ? WORKING_MS : IDLE_MS);
}

if (page.activity) {
  cursor.set(cursor.get() ?? page.since);
  // The page counted after it had listed: its list may lack a server that went down in between.
  if (page.down !== "0") page.down = page.activityVersion = "";
  restoreToasts();
  askLater(500);
  window.addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => (leaving = false), 3000);
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? running || clearTimeout(next) : askLater(0)));
  document.addEventListener("refresh", () => askLater(300));
}
