// Content comes with the page and with every swap; a behaviour that has to prepare it registers here.

const prepares = [];

// Runs `prepare` now and whenever there is new content.
export function onContent(prepare) {
  prepares.push(prepare);
  prepare();
}

export const contentChanged = () => prepares.forEach((prepare) => prepare());

document.addEventListener("htmx:afterSwap", contentChanged);
