// Back and Forward ask the server for the page: the browser must not show one that it kept, because the user may have
// signed out. No page is stored, but some browsers keep even such a page while its tab is open.

window.addEventListener("pagehide", () => (document.body.hidden = true));
window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
