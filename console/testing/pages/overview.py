import re

from playwright.sync_api import Locator, expect

from console.testing.pages.instance_management import InstanceRow
from console.testing.pages.page import WORK_MILLISECONDS, ConsolePage


class Overview(ConsolePage):
    """The front page."""

    views = ("home",)
    path, heading = "/", "Overview"

    def status(self, label: str) -> Locator:
        """Return the link with the number of instances that have the status."""
        return self.page.get_by_role("main").get_by_role("link", name=re.compile(rf"^[\d,]+ {re.escape(label)}$"))

    def today(self) -> Locator:
        """Return today's column in the chart of the last days' backups."""
        return self._chart("Backups of the last 14 days").get_by_role("link").last

    def expect_today(self, *, complete: int, failed: int = 0) -> None:
        """Wait until these numbers of today's backups are Complete and Failed."""
        name = re.compile(rf"Complete {complete:,}, Failed {failed:,}, Backing up 0$")
        expect(self.today()).to_have_accessible_name(name, timeout=WORK_MILLISECONDS)

    def row(self, instance: str) -> InstanceRow:
        """Return the instance's row in the list of instances that have gone longest without a backup."""
        rows = self.page.get_by_role("list", name="Last success per instance").get_by_role("listitem")
        return InstanceRow(self.page, rows.filter(has=self.page.get_by_role("link", name=instance, exact=True)))

    def failure(self, what: str) -> Locator:
        """Return the newest failure whose heading or reason contains the text."""
        rows = self.page.get_by_role("list", name="What failed and why").get_by_role("listitem")
        return rows.filter(has_text=what).first

    def as_table(self, name: str) -> Locator:
        """Unfold the table below the chart, such as "Backups of the last 14 days", and return it."""
        table = self.page.get_by_role("table", name=name, include_hidden=True)
        self.page.get_by_role("figure").filter(has=table).get_by_text("As a table").click()
        return table

    def _chart(self, name: str) -> Locator:
        return self.page.get_by_role("group", name=name)
