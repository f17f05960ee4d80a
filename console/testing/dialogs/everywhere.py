"""The dialogs that every page can show."""

from typing import Self

from playwright.sync_api import Locator, expect

from console.testing.dialogs.dialog import Dialog


class KeysDialog(Dialog):
    """The dialog that lists the keyboard shortcuts. The ? key opens it."""

    views = ("keys",)
    title, confirm = "Keyboard shortcuts", "Close"

    @property
    def switch(self) -> Locator:
        """Return the switch that turns single-letter shortcuts on and off in this browser."""
        return self.field("Single-key shortcuts")

    def turn(self, on: bool) -> Self:
        self.switch.set_checked(on)
        return self


class SearchDialog(Dialog):
    """The search over everything. On the page without JavaScript, the results are links instead of options."""

    title = "Search"

    @property
    def box(self) -> Locator:
        return self.root.get_by_role("combobox")

    def results(self, kind: str = "") -> Locator:
        """Return the results, or those of the kind Instances, Backups, Tasks or Pages."""
        where = self.root.get_by_role("group", name=kind, exact=True) if kind else self.root
        return where.get_by_role("option")

    def expect_chosen(self, text: str) -> None:
        """Wait until Enter would follow the result with this text."""
        expect(self.root.get_by_role("option", selected=True)).to_contain_text(text)
