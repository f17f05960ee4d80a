from playwright.sync_api import Locator, expect

from console.testing.dialogs import StorageTestDialog
from console.testing.pages.page import WORK_MILLISECONDS, ConsolePage


class Settings(ConsolePage):
    views = ("settings",)
    path, heading = "/settings/", "Settings"

    def row(self, table: str, name: str) -> Locator:
        """Return a row of the table Storage, Hosts, Environment or Libraries by what its first cell shows."""
        rows = self.page.get_by_role("table", name=table).get_by_role("row")
        return rows.filter(has=self.page.get_by_text(name, exact=True)).first

    def test_storage(self, host: str) -> None:
        """Let the host test the storage, without waiting for the result."""
        self.row("Storage", host).get_by_role("link", name="Test", exact=True).click()
        StorageTestDialog(self.page).done()

    def expect_tested(self, host: str, status: str) -> None:
        """Wait until the last test of the host has this status, such as "Completed"."""
        shown = self.row("Storage", host).get_by_text(status, exact=True)
        expect(shown).to_be_visible(timeout=WORK_MILLISECONDS)
