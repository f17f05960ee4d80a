"""What all pages with a list have."""

from playwright.sync_api import Locator, expect

from console.testing.pages.page import ConsolePage, Exported


class ListPage(ConsolePage):
    """A page with a list. Searching, filtering, sorting and paging do not leave the page."""

    def rows(self, text: str = "") -> Locator:
        """Return the rows that contain the text, without the table head."""
        cells = self.page.get_by_role("cell")
        return self.page.get_by_role("main").get_by_role("row").filter(has=cells).filter(has_text=text)

    @property
    def search_field(self) -> Locator:
        return self.page.get_by_role("searchbox")

    def search(self, text: str) -> None:
        self.search_field.fill(text)

    def filter_field(self, label: str) -> Locator:
        """Return a select field beside the search, such as "Status"."""
        return self.page.get_by_role("search").get_by_label(label, exact=True)

    def filter(self, label: str, choice: str) -> None:
        self.filter_field(label).select_option(label=choice)

    def more_filters(self) -> Locator:
        """Open the Filters menu, and return it. Find its fields by label."""
        self.page.get_by_role("button", name="Filters").click()
        return self.page.get_by_role("group", name="Filters")

    def clear(self) -> None:
        """Clear the search and all filters."""
        self.page.get_by_role("link", name="Clear").click()

    @property
    def refresh_button(self) -> Locator:
        return self.page.get_by_role("link", name="Refresh", exact=True)

    def refresh(self) -> None:
        self.refresh_button.click()

    def sort_by(self, order: str) -> None:
        """Choose an order of the list, such as "Oldest first", at any width of the window."""
        self.filter_field("Sort by").select_option(label=order)

    def columns(self) -> Locator:
        """Open the menu of columns, and return it. It has a checkbox for each; those always visible are disabled."""
        self.page.get_by_role("button", name="Columns").click()
        return self.page.get_by_role("group", name="Columns")

    def show_column(self, name: str, shown: bool = True) -> None:
        """Show or hide a column of the table; the console remembers it for the user."""
        self.columns().get_by_role("checkbox", name=name, exact=True).set_checked(shown)
        self.page.keyboard.press("Escape")
        expect(self.heading_of(name)).to_have_count(int(shown))

    def heading_of(self, column: str) -> Locator:
        """Return the visible heading of a column."""
        return self.page.get_by_role("columnheader", name=column, exact=True)

    def expect_range(self, text: str) -> None:
        """Wait until the pager says which rows the page shows, such as "21-40 of 315"."""
        expect(self.page.get_by_role("navigation", name="Pages")).to_contain_text(text)

    def sort(self, column: str) -> None:
        self.page.get_by_role("columnheader", name=column).get_by_role("link").click()

    def expect_sorted(self, column: str, order: str) -> None:
        """Wait until the column's head has the order "ascending" or "descending"."""
        expect(self.page.get_by_role("columnheader", name=column)).to_have_attribute("aria-sort", order)

    def pager(self, to: str) -> Locator:
        """Return the link to the First, Previous, Next or Last page, or to a page size, such as "50"."""
        return self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=to, exact=True)

    def turn(self, to: str) -> None:
        self.pager(to).click()

    def tab_of(self, name: str) -> Locator:
        """Return the tab Clusters, Replica Sets, Single Nodes or All, if the list has tabs."""
        return self.page.get_by_role("main").get_by_role("link", name=name, exact=True)

    def tab(self, name: str) -> None:
        self.tab_of(name).click()

    def export(self) -> Exported:
        """Export the whole list as CSV."""
        return self._export("Export as CSV")
