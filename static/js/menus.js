// Menus: native popovers with arrow-key navigation.

const items = (menu) => [...menu.querySelectorAll("[role^=menuitem]")];

// The browser focuses an autofocus element while it opens the menu, so that no key press can come in between.
// Neither this event nor the next bubbles, so both listeners capture.
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
  const opens = event.target.closest("[aria-haspopup=menu]");
  if (opens && event.key === "ArrowDown") {
    event.preventDefault();
    document.getElementById(opens.getAttribute("popovertarget")).showPopover({ source: opens });
  }
  const menu = event.target.closest("[role=menu]");
  if (menu) move(event, menu);
});

function move(event, menu) {
  const all = items(menu);
  const at = all.indexOf(document.activeElement);
  const last = all.length - 1;
  const next = { ArrowDown: at < last ? at + 1 : 0, ArrowUp: at > 0 ? at - 1 : last, Home: 0, End: last }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    all[next].focus();
  } else if (event.key === "Tab") {
    menu.hidePopover();
  } else if (event.key === " " && all[at]?.matches("a")) {
    event.preventDefault();
    all[at].click();
  }
}

document.addEventListener("click", (event) => {
  const item = event.target.closest("[role^=menuitem]:not([aria-disabled])");
  if (item && !event.ctrlKey && !event.metaKey) item.closest("[popover]").hidePopover();
});
