from playwright.sync_api import Locator

from console.testing.pages.list_page import ListPage
from console.testing.pages.page import Exported


class Audit(ListPage):
    views = ("audit",)
    path, heading = "/audit/", "Audit"

    @property
    def search_field(self) -> Locator:
        return self.filter_field("Resource name or ID")

    def row(self, trace: str, resource: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=trace).filter(has_text=resource).first

    def filter(self, label: str, value: str) -> None:
        """Fill in a field above the list, such as ("Resource name or ID", "orders")."""
        field = self.page.get_by_role("search").get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")

    def filter_outcome(self, label: str) -> None:
        """Filter by Succeeded, Refused, Failed or All outcomes."""
        self.page.get_by_role("search").get_by_label("Outcome", exact=True).select_option(label=label)

    def export(self) -> Exported:
        """Export the filtered events as CSV."""
        return self._export("Export")
