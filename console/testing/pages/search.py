from playwright.sync_api import Locator

from console.testing.pages.page import ConsolePage


class Search(ConsolePage):
    """The search as a page, as it is without JavaScript. ConsolePage.search_everything() opens the dialog."""

    views = ("search",)
    path, heading = "/search/", "Search"

    def results(self, kind: str) -> Locator:
        return self.page.get_by_role("region", name=kind, exact=True).get_by_role("link")
