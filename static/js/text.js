// Text: truncated text shows in full when hovered or focused, and copy buttons copy.

import { announce } from "./announcer.js";

// Mark only text that is really truncated.
for (const name of ["pointerover", "focusin"]) {
  document.addEventListener(name, ({ target }) => {
    const cut = target.closest?.(".cut:not([data-long])");
    const text = cut?.firstElementChild;
    if (text && text.scrollWidth > text.clientWidth) cut.dataset.long = "";
  });
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers offer the clipboard API only over TLS or on localhost; this works everywhere.
  const area = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await copy(button.dataset.copy);
  button.dataset.copied = "";
  announce(document.body.dataset.sayCopied);
  setTimeout(() => delete button.dataset.copied, 1500);
});
