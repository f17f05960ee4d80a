// New content arrives with the page and with every swap. Behaviours that prepare content register here.

const prepares = [];

// Runs `prepare` now and whenever new content arrives.
export function onContent(prepare) {
  prepares.push(prepare);
  prepare();
}

export const contentChanged = () => prepares.forEach((prepare) => prepare());

document.addEventListener("htmx:afterSwap", contentChanged);
