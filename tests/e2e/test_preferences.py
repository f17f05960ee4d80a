"""The console respects the preferences of the system: reduced motion and forced colours."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from console.testing.dialogs import CreateBackupDialog
from console.testing.pages import BackupManagement
from tests.e2e.stage import Stage

# Checks every element, including those in the dialog, and its ::before, ::after and ::backdrop.
MOVING = """() => {
  const moving = [];
  for (const node of document.querySelectorAll("*")) {
    for (const pseudo of [null, "::before", "::after", "::backdrop"]) {
      const style = getComputedStyle(node, pseudo);
      const lasts = (list) => list.split(",").some((time) => parseFloat(time) > 0);
      const moves = style.animationName !== "none" || lasts(style.transitionDuration);
      if (moves) moving.push(node.outerHTML.slice(0, 80) + (pseudo ?? ""));
    }
  }
  return moving;
}"""


def open_everything(page: Page) -> None:
    """Open a list with work in progress and menus, and show a toast and a dialog on it."""
    BackupManagement(page).open(q="rows-building")
    toast = "document.body.dispatchEvent(new CustomEvent('toast', { detail: { message: 'Said.' }, bubbles: true }))"
    page.evaluate(toast)
    page.keyboard.press("c")
    CreateBackupDialog(page)


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_if_the_user_prefers_reduced_motion(
    stage: Stage, browser: Browser, motion: Any, moves: bool
) -> None:
    with stage.new_context(browser, reduced_motion=motion) as context:
        page = context.new_page()
        open_everything(page)
        assert bool(page.evaluate(MOVING)) is moves


PART = "(node, [pseudo, name]) => getComputedStyle(node, pseudo)[name]"


def test_shapes_drawn_only_in_colour_stay_visible_with_forced_colours(stage: Stage, browser: Browser) -> None:
    with stage.new_context(browser, forced_colors="active") as context:
        page = context.new_page()
        backups = BackupManagement(page).open(q="rows-building")
        canvas = page.locator("html").evaluate(PART, [None, "backgroundColor"])
        here = page.get_by_role("navigation", name="Navigation").locator("[aria-current]")
        for part in (
            page.locator(".badge").first.evaluate(PART, ["::before", "backgroundColor"]),
            backups.row("rows-building").root.get_by_role("progressbar").evaluate(PART, [None, "borderTopColor"]),
            here.evaluate(PART, ["::before", "backgroundColor"]),
            backups.tab_of("All").evaluate(PART, [None, "borderBottomColor"]),
        ):
            assert part != canvas
        assert backups.tab_of("Clusters").evaluate(PART, [None, "borderBottomColor"]) == canvas
        switch = backups.show_keys().switch
        expect(switch).to_be_checked()
        on = switch.evaluate(PART, [None, "backgroundColor"])
        assert on != canvas and switch.evaluate(PART, ["::before", "backgroundColor"]) != on
        switch.uncheck()
        assert switch.evaluate(PART, [None, "backgroundColor"]) != on
        assert switch.evaluate(PART, ["::before", "backgroundColor"]) != canvas
        switch.check()
