// What the pages do beyond links and forms. Hooks are data-* attributes; every page works without this file.
(() => {
  "use strict";

  const say = document.body.dataset;
  const dialog = document.getElementById("dialog");
  const toasts = document.getElementById("toasts");
  const closest = (event, selector) => event.target.closest?.(selector);

  // A field that is being typed into keeps what was typed when its list refreshes.
  Idiomorph.defaults.ignoreActiveValue = true;
  // What was noted here about an element (see "Cut text" and "Keys") is not in the server's markup, and stays; so do ticks,
  // and what has been unfolded.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    name !== "data-long" &&
    name !== "aria-keyshortcuts" &&
    !(name === "checked" && node.matches("[data-select], [data-select-all]")) &&
    !(name === "open" && node.matches("details"));

  // A place that is being edited is left alone by the refresh of its list.
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !old.dataset || !("editing" in old.dataset);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closest(event, "[data-editing]")?.querySelector("[data-cancel]").click();
  });

  // ---- The focus is never lost: where an element was, and what is nearest to that now ------------

  const FOCUSABLE = "a[href], button:enabled, input:enabled:not([type=hidden]), select:enabled, [tabindex='0']";
  const canHaveFocus = (node) => node?.isConnected && node.matches(`${FOCUSABLE}, [tabindex]`) && node.checkVisibility({ visibilityProperty: true });
  const firstIn = (node) => [...(node?.querySelectorAll(FOCUSABLE) ?? [])].find(canHaveFocus);

  const firstOf = (row) => [row?.querySelector(".name a")].find(canHaveFocus) ?? firstIn(row);

  function placeOf(node) {
    const row = node?.closest?.("tbody tr");
    return {
      node, id: node?.id, row: row?.id, at: row?.sectionRowIndex, cell: node?.closest?.("td")?.cellIndex,
      body: row?.closest("section")?.id ?? node?.closest?.("section")?.id,
    };
  }

  // The same element, or what has its name now; its cell; the row that moved into its place; the list's search; the page.
  function goBackTo(place) {
    const list = document.getElementById(place?.body);
    const row = document.getElementById(place?.row);
    const rows = place?.row && !row ? list?.querySelector("tbody")?.rows : null;
    const next = rows?.[Math.min(place.at, rows.length - 1)];
    const near = [
      place?.node, document.getElementById(place?.id), firstIn(row?.cells[place.cell]), firstOf(row), firstOf(next),
      list?.querySelector("[data-shortcut='/']"), firstIn(list),
    ].find(canHaveFocus);
    (near ?? document.getElementById("main")).focus({ preventScroll: !next });
  }

  const lost = () => document.activeElement === document.body || !canHaveFocus(document.activeElement);
  let focused = null;
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const held = detail.target.id !== "dialog-content" && detail.target.contains(document.activeElement);
    focused = held ? placeOf(document.activeElement) : null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (focused && lost()) goBackTo(focused);
    focused = null;
  });

  // The server asked for the page anew, such as after a rename: where the focus was it is again.
  const beforeReload = "focus-after-reload";
  document.addEventListener("htmx:beforeOnLoad", ({ detail: { elt, xhr } }) => {
    if (!xhr.getResponseHeader("HX-Refresh")) return;
    const id = elt.closest("main [id]")?.id ?? "";
    try { sessionStorage.setItem(beforeReload, id); } catch { /* the page begins at its top */ }
  });
  try {
    const id = sessionStorage.getItem(beforeReload);
    sessionStorage.removeItem(beforeReload);
    if (id) firstIn(document.getElementById(id))?.focus({ preventScroll: true });
  } catch { /* the page begins at its top */ }

  // ---- Keys: an element with data-shortcut is focused or pressed by it -------------------------------

  // Storage may be forbidden; then the keys work, and cannot be turned off for longer than a page.
  const keys = {
    on: true,
    read() { try { this.on = localStorage.getItem("keys") !== "off"; } catch { /* as it is */ } },
    turn(on) { this.on = on; try { localStorage.setItem("keys", on ? "on" : "off"); } catch { /* for this page */ } },
  };
  const TYPED_INTO = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  let pressedFrom = null;
  let searchedFrom = null;

  // Told to screen readers only where and while they work.
  function tellKeys() {
    keys.read();
    for (const node of document.querySelectorAll("[data-shortcut]")) {
      if (keys.on) node.ariaKeyShortcuts = node.dataset.shortcut === "?" ? "Shift+?" : node.dataset.shortcut;
      else node.removeAttribute("aria-keyshortcuts");
    }
    for (const box of document.querySelectorAll("[data-keys-switch]")) box.checked = keys.on;
  }

  // What many rows have is meant of the row that has the focus.
  function meantBy(key) {
    const all = [...document.querySelectorAll(`[data-shortcut="${CSS.escape(key)}"]`)];
    const row = document.activeElement.closest("tr");
    return all.find((node) => row?.contains(node)) ?? all.find((node) => !node.closest("tr"));
  }

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    // The browser's own Escape clears a search first.
    if (key === "Escape" && target.matches("[data-shortcut='/']") && !(target.type === "search" && target.value)) goBackTo(searchedFrom);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat || key.length !== 1) return;
    keys.read();
    if (!keys.on || target.matches(TYPED_INTO) || document.querySelector("dialog[open], :popover-open")) return;
    const meant = meantBy(key);
    if (!meant) return;
    event.preventDefault();
    const from = document.activeElement === document.body ? null : document.activeElement;
    if (meant.matches("input")) {
      searchedFrom = placeOf(from);
      meant.focus();
      meant.select();
    } else if (meant.ariaDisabled) {
      meant.focus();
    } else {
      pressedFrom = from;
      meant.click();
    }
  });

  document.addEventListener("change", (event) => {
    if (!closest(event, "[data-keys-switch]")) return;
    keys.turn(event.target.checked);
    tellKeys();
  });

  // ---- The dialog -----------------------------------------------------------------------------

  let opener = null;

  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    const { elt, target } = detail;
    if (target.id !== "dialog-content" || dialog.contains(elt)) return;
    // A menu is closed by now: the button that opened it is where the user came from. A form itself takes no focus.
    const menu = elt.closest("[popover]");
    const from = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : elt;
    opener = placeOf(pressedFrom ?? (from.matches("form") ? document.activeElement : from));
    pressedFrom = null;
  });

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    if (detail.target.id !== "dialog-content") return;
    if (!dialog.open) dialog.showModal();
    const field = ["[aria-invalid=true]", "[autofocus]", "input:not([type=hidden]), select, textarea", "[data-submit]"]
      .map((selector) => dialog.querySelector(selector))
      .find(Boolean);
    field?.focus();
  });

  // A password does not come back from the server with an error; what was typed stays all the same.
  let passwords = [];
  document.addEventListener("htmx:beforeSwap", ({ detail: { target, xhr } }) => {
    const fields = target.id === "dialog-content" && xhr.status === 422 ? target.querySelectorAll("[type=password]") : [];
    passwords = [...fields].map(({ name, value }) => ({ name, value }));
  });
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    for (const { name, value } of passwords) {
      const field = target.querySelector(`[type=password][name="${name}"]`);
      if (field && !field.value) field.value = value;
    }
    passwords = [];
  });

  document.addEventListener("dialog-close", () => dialog.close());

  dialog?.addEventListener("close", () => {
    document.getElementById("dialog-content").replaceChildren();
    // The browser itself gives the focus back, if it can; and by now somebody may have gone on.
    if (lost()) goBackTo(opener);
  });

  // Only a press that also began on the backdrop closes: selecting text may end outside.
  let pressedOnBackdrop = false;
  dialog?.addEventListener("pointerdown", (event) => (pressedOnBackdrop = event.target === dialog));
  dialog?.addEventListener("click", (event) => {
    if ((event.target === dialog && pressedOnBackdrop) || closest(event, "[data-dialog-close]")) dialog.close();
  });

  // ---- Forms ----------------------------------------------------------------------------------

  // Counts code points, as the server does; a browser's own length would count an emoji as two.
  function count(area) {
    const limit = Number(area.dataset.countTo);
    const length = [...area.value].length;
    const counter = area.closest(".field")?.querySelector("[data-counter]");
    if (!counter) return;
    // Read aloud only near the limit; otherwise every key press would be followed by a number.
    counter.ariaLive = length > limit - 20 ? "polite" : "off";
    counter.textContent = `${length}/${limit}`;
    counter.toggleAttribute("data-over", length > limit);
  }

  document.addEventListener("input", (event) => {
    const area = closest(event, "[data-count-to]");
    if (area) count(area);
  });

  document.addEventListener("focusin", (event) => closest(event, "[data-select-on-focus]")?.select());

  document.addEventListener("keydown", (event) => {
    // A description holds no line break, so Enter submits there too.
    const area = closest(event, "textarea[data-count-to]");
    if (!area || event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    area.form.requestSubmit();
  });

  // A page that is being left by one submit takes no second one. htmx does the same for its own forms.
  document.addEventListener("submit", ({ target: form }) => {
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    setTimeout(() => form.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = true)));
  });
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) document.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = false));
  });

  // ---- What somebody asks of a list is not thrown away by its refresh, which then comes after it ----

  // By request, the list that it is for. Not by element: one that its own answer removes is not there at the end.
  const asked = new Map();
  const postponed = new Map();
  const isAsked = (id) => [...asked.values()].includes(id);

  document.addEventListener("htmx:confirm", (event) => {
    const { elt, target, triggeringEvent } = event.detail;
    if (!elt.hidden || !elt.matches("[hx-trigger*='from:body']") || !isAsked(target.id)) return;
    event.preventDefault();
    postponed.set(target.id, triggeringEvent.type);
  });
  document.addEventListener("htmx:beforeSend", ({ detail: { elt, target, xhr } }) => elt.hidden || asked.set(xhr, target.id));
  document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
    const id = asked.get(xhr);
    asked.delete(xhr);
    if (!id || isAsked(id) || !postponed.has(id)) return;
    const type = postponed.get(id);
    postponed.delete(id);
    htmx.trigger(document.body, type);
  });

  // ---- Nothing moves under a pressed pointer: a click that began on one thing would end on another, and be none -----

  let pressed = null;
  const waiting = new Map();

  function whenReleased(name, then) {
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
  for (const name of ["pointerup", "pointercancel", "contextmenu", "dragend"]) document.addEventListener(name, releaseLater, true);
  // A release that the page is not told of: beside the window, or over a menu of the browser's own.
  window.addEventListener("blur", releaseLater);
  document.addEventListener("pointermove", (event) => event.pointerType === "mouse" && !event.buttons && releaseLater(event), true);

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!detail.requestConfig.elt.hidden || !pressed || !detail.target.contains(pressed.target)) return;
    detail.shouldSwap = false;
    whenReleased(detail.target.id, () => htmx.trigger(document.body, "refresh"));
  });

  // Filters that are not set stay out of the address.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.verb !== "get") return;
    for (const [name, value] of [...detail.formData]) if (value === "") detail.formData.delete(name);
  });

  // ---- Selection: the box in the head ticks the page's rows, and shows whether all are ticked ------

  const boxes = (list) => [...list.querySelectorAll("[data-select]:enabled")];

  function tellSelection() {
    for (const all of document.querySelectorAll("[data-select-all]")) {
      const rows = boxes(all.closest("table"));
      const ticked = rows.filter((box) => box.checked).length;
      all.disabled = !rows.length;
      all.checked = ticked > 0 && ticked === rows.length;
      all.indeterminate = ticked > 0 && ticked < rows.length;
    }
  }

  document.addEventListener("change", (event) => {
    const all = closest(event, "[data-select-all]");
    if (all) for (const box of boxes(all.closest("table"))) box.checked = all.checked;
    if (all || closest(event, "[data-select]")) tellSelection();
  });

  // Kept for fewer days than a week has, a backup is made every day: the days are no choice then.
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

  document.addEventListener("input", (event) => {
    const field = closest(event, "[data-every-day-below]");
    if (field) forceDays(field);
  });

  // ---- Menus ----------------------------------------------------------------------------------

  const items = (menu) => [...menu.querySelectorAll("[role^=menuitem]")];

  // The browser focuses what has this attribute while it opens the menu: no key press can come in between, as it could
  // before "toggle". Neither event bubbles; they are caught on their way down.
  document.addEventListener("beforetoggle", ({ target, newState }) => {
    if (!target.matches(".menu")) return;
    (items(target)[0] ?? target.querySelector("input, select"))?.toggleAttribute("autofocus", newState === "open");
  }, true);

  document.addEventListener("toggle", ({ target, newState }) => {
    if (newState !== "open" || !target.matches(".menu") || CSS.supports("position-area: block-end")) return;
    placeUnder(document.querySelector(`[popovertarget="${target.id}"]`), target);
  }, true);

  function placeUnder(button, menu) {
    const at = button.getBoundingClientRect();
    const below = at.bottom + menu.offsetHeight + 8 < innerHeight;
    menu.style.top = `${below ? at.bottom : at.top - menu.offsetHeight - 8}px`;
    menu.style.left = `${Math.max(8, at.right - menu.offsetWidth)}px`;
  }

  document.addEventListener("keydown", (event) => {
    const menu = closest(event, "[role=menu]");
    const opens = closest(event, "[aria-haspopup=menu]");
    if (opens && event.key === "ArrowDown") {
      event.preventDefault();
      document.getElementById(opens.getAttribute("popovertarget")).showPopover({ source: opens });
    }
    if (!menu) return;
    const all = items(menu);
    const at = all.indexOf(document.activeElement);
    const next = { ArrowDown: (at + 1) % all.length, ArrowUp: at > 0 ? at - 1 : all.length - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      all[next].focus();
    } else if (event.key === "Tab") {
      menu.hidePopover();
    } else if (event.key === " " && all[at]?.matches("a")) {
      event.preventDefault();
      all[at].click();
    }
  });

  document.addEventListener("click", (event) => {
    const item = closest(event, "[role^=menuitem]:not([aria-disabled])");
    if (item && !event.ctrlKey && !event.metaKey) item.closest("[popover]").hidePopover();
  });

  // ---- Toasts ---------------------------------------------------------------------------------

  const SHOWN_MS = 6000;

  function expire(toast, after = SHOWN_MS) {
    if (toast.dataset.tone === "bad") return;
    setTimeout(() => (toast.matches(":hover, :focus-within") ? expire(toast, 1500) : toast.remove()), after);
  }

  // `key` names a standing condition: it is shown once, until `settle(key)`. Returns what it made.
  function toast({ message, tone = "ok", url, link, key = "" }) {
    if (key && toasts.querySelector(`[data-key="${key}"]`)) return null;
    const made = document.getElementById("toast").content.cloneNode(true).querySelector("[data-toast]");
    made.dataset.tone = tone;
    made.dataset.key = key;
    const text = made.querySelector("p");
    text.textContent = message;
    if (url && link) text.append(" ", Object.assign(document.createElement("a"), { href: url, textContent: link }));
    toasts.append(made);
    expire(made);
    return made;
  }

  const settle = (key) => toasts.querySelector(`[data-key="${key}"]`)?.remove();

  toasts.querySelectorAll("[data-toast]").forEach((shown) => expire(shown));
  document.addEventListener("toast", ({ detail }) => toast(detail));
  document.addEventListener("click", (event) => {
    if (closest(event, "[data-toast-close]")) closest(event, "[data-toast]").remove();
  });

  // ---- What is said to screen readers and not shown: politely, once -------------------------------

  const announcer = document.getElementById("announcer");
  let silence = 0;

  function announce(text) {
    clearTimeout(silence);
    announcer.textContent = text;
    silence = setTimeout(() => (announcer.textContent = ""), 5000);
  }

  // A status that changed in a refresh, with the name of what has it; not if a toast tells of it, which may come later.
  const TOASTS_MAY_COME_MS = 2500;
  const shownAt = new WeakMap();
  const changed = new Map();
  let statuses = new Map();
  let announcing = 0;

  new MutationObserver((records) => {
    for (const { addedNodes } of records) addedNodes.forEach((node) => shownAt.set(node, Date.now()));
  }).observe(toasts, { childList: true });

  const toldByToast = (name) =>
    [...toasts.children].some((shown) => Date.now() - shownAt.get(shown) < 2 * TOASTS_MAY_COME_MS && shown.textContent.includes(name));

  function statusesIn(list) {
    const named = list ? [list, ...list.querySelectorAll("[data-called]")].filter((node) => "called" in node.dataset) : [];
    return new Map(named.map((node) => [node.id, { name: node.dataset.called, status: node.querySelector(".badge").textContent }]));
  }

  function tellChanged() {
    announcing = 0;
    const untold = [...changed.values()].filter(({ name }) => !toldByToast(name));
    changed.clear();
    const told = untold.map(({ name, status }) => say.sayStatus.replace("{name}", () => name).replace("{status}", () => status));
    if (told.length) announce(told.join(" "));
  }

  document.addEventListener("htmx:beforeSwap", ({ detail }) => (statuses = statusesIn(detail.target)));
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    for (const [id, now] of statusesIn(document.getElementById(detail.target.id))) {
      if (statuses.has(id) && statuses.get(id).status !== now.status) changed.set(id, now);
    }
    if (changed.size) announcing ||= setTimeout(tellChanged, TOASTS_MAY_COME_MS);
  });

  // ---- Requests that fail ---------------------------------------------------------------------

  function explain({ elt, xhr }) {
    // What was deleted does not come back: its page stops asking every second.
    if (xhr.status === 404 && elt.matches("[hx-trigger^=every]")) elt.remove();
    const standard = { 0: say.sayOffline, 403: say.sayForbidden, 404: say.sayMissing }[xhr.status] ?? say.sayFailed;
    const message = ([403, 503].includes(xhr.status) && said(xhr)) || standard;
    const place = dialog.contains(elt) && dialog.querySelector("[data-form-error]");
    if (!place) return toast({ message, tone: "bad", key: xhr.status ? "request" : "offline" });
    place.querySelector("p").textContent = message;
    place.hidden = false;
    place.focus();
  }

  // What the server itself says of it, if it answered with a fragment and not with a page.
  function said(xhr) {
    if (/<html/i.test(xhr.responseText)) return "";
    return new DOMParser().parseFromString(xhr.responseText, "text/html").body.textContent.trim();
  }

  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, ({ detail }) => explain(detail));
  }
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    const place = detail.elt.querySelector?.("[data-form-error]");
    if (place) place.hidden = true;
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful) ["request", "offline"].forEach(settle);
  });

  // ---- Work that goes on, and that has ended, wherever in the console one is ----------------------

  const [WORKING_MS, IDLE_MS] = [2000, 15000];

  // Storage may be forbidden; then a page remembers for as long as it is open.
  function remembered(storage, name) {
    const key = `${name}-${say.user}`;
    let here = null;
    return {
      get: () => { try { return storage().getItem(key) ?? here; } catch { return here; } },
      set: (value) => { here = value; try { storage().setItem(key, value); } catch { /* see above */ } },
    };
  }

  // One for all tabs of the browser: what one has told, no other tells again.
  const cursor = remembered(() => localStorage, "activity");
  // Of this tab: what is still shown when another page is opened, in the language that it was said in.
  const kept = remembered(() => sessionStorage, `toasts-${document.documentElement.lang}`);
  const keptToasts = () => JSON.parse(kept.get() ?? "[]").filter(({ until }) => !until || until > Date.now());
  let running = Number(say.running);
  let asking = false;
  let next = 0;

  function tell(news, { again = false } = {}) {
    const shown = toast(news);
    // It was read out on the page that it first stood on.
    if (again) shown.ariaLive = "off";
    // Gone by itself, closed or followed: it is not shown again.
    new MutationObserver((_, observer) => {
      if (shown.isConnected) return;
      kept.set(JSON.stringify(keptToasts().filter(({ id }) => id !== news.id)));
      observer.disconnect();
    }).observe(toasts, { childList: true });
    shown.querySelector("a")?.addEventListener("click", (event) => event.ctrlKey || event.metaKey || shown.remove());
  }

  function told(news) {
    const id = `${Date.now()}-${Math.random()}`;
    const one = { ...news, id, until: news.tone === "bad" ? 0 : Date.now() + SHOWN_MS };
    kept.set(JSON.stringify([...keptToasts(), one]));
    tell(one);
  }

  function show({ version, running: now, down, notices }) {
    say.activityVersion = version;
    running = now;
    // A list that has come to rest does not know yet.
    if (String(down) !== say.down) htmx.trigger(document.body, "refresh");
    say.down = down;
    document.title = (running ? `(${running}) ` : "") + document.title.replace(/^\(\d+\) /, "");
    whenReleased("notices", () => {
      document.getElementById("notices").innerHTML = notices;
      ready();
    });
  }

  async function ask() {
    const query = new URLSearchParams({ version: say.activityVersion });
    // Nobody sees a toast on a hidden page; its title is seen.
    if (!document.hidden) query.set("since", cursor.get() ?? say.since);
    const answer = await fetch(`${say.activity}?${query}`, { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(20000) });
    // The session has ended, or the role: the next click says so.
    if (answer.headers.has("HX-Redirect") || answer.status === 403) return false;
    if (!answer.ok) throw new Error(answer.status);
    settle("offline");
    if (answer.status === 204) return true;
    const news = await answer.json();
    if (news.cursor) cursor.set(news.cursor);
    show(news);
    news.toasts.forEach(told);
    // A list that has come to rest does not know either.
    if (news.toasts.length) htmx.trigger(document.body, "refresh");
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
      // Of several windows that ask at the same moment, one tells.
      going = await (navigator.locks ? navigator.locks.request(`activity-${say.user}`, ask) : ask());
    } catch {
      if (!leaving && !document.hidden) toast({ message: say.sayOffline, tone: "bad", key: "offline" });
    }
    asking = false;
    if (going && (running || !document.hidden)) askLater(running && !document.hidden ? WORKING_MS : IDLE_MS);
  }

  let leaving = false;
  if (say.activity) {
    cursor.set(cursor.get() ?? say.since);
    // The page counted after it had listed: a server that went down in between is not in its list.
    if (say.down !== "0") say.down = say.activityVersion = "";
    keptToasts().forEach((news) => tell(news, { again: true }));
    askLater(500);
    window.addEventListener("beforeunload", () => { leaving = true; setTimeout(() => (leaving = false), 3000); });
    document.addEventListener("visibilitychange", () => (document.hidden ? running || clearTimeout(next) : askLater(0)));
    document.addEventListener("refresh", () => askLater(300));
  }

  // ---- Cut text: it shows whole when hovered or focused, but only if it is cut ------------------

  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const cut = closest(event, ".cut:not([data-long])");
      const text = cut?.firstElementChild;
      if (text && text.scrollWidth > text.clientWidth) cut.dataset.long = "";
    });
  }

  // ---- Copying and times ----------------------------------------------------------------------

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Without TLS, and not on this machine, there is only the old way.
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  document.addEventListener("click", async (event) => {
    const button = closest(event, "[data-copy]");
    if (!button) return;
    await copy(button.dataset.copy);
    button.dataset.copied = "";
    announce(say.sayCopied);
    setTimeout(() => delete button.dataset.copied, 1500);
  });

  const ages = (numeric) => new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric, style: "short" });
  const [now, ago] = [ages("auto").format(0, "second"), ages("always")];
  const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  function tellAges() {
    for (const time of document.querySelectorAll("time[data-relative]")) {
      // Rounded down to 5 s, so that a list of new things does not flicker through every second.
      const seconds = Math.min(0, Math.round((Date.parse(time.dateTime) - Date.now()) / 5000) * 5);
      const [unit, length] = UNITS.find(([, size]) => -seconds >= size) ?? UNITS.at(-1);
      time.textContent = seconds ? ago.format(Math.ceil(seconds / length), unit).replace(".", "") : now;
    }
  }

  // The zone of the times that the server writes; it is told at the first page, and again when the user has travelled.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `time_zone=${zone}; path=/; max-age=${365 * 24 * 3600}; samesite=lax${secure}`;
  }

  function ready() {
    tellAges();
    tellKeys();
    tellSelection();
    document.querySelectorAll("[data-count-to]").forEach(count);
    document.querySelectorAll("[data-every-day-below]").forEach(forceDays);
  }

  document.addEventListener("htmx:afterSwap", ready);
  setInterval(tellAges, 5000);
  ready();
})();
