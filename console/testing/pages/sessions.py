from playwright.sync_api import Locator

from console.testing.pages.page import ConsolePage


class Sessions(ConsolePage):
    """The list of the user's sessions."""

    views = ("sessions",)
    path, heading = "/account/sessions/", "Sessions"

    def row(self, browser: str) -> Locator:
        """Return the row of the newest session of the browser, such as "Firefox"."""
        return self.page.get_by_role("row").filter(has_text=browser).first

    def end(self, browser: str) -> None:
        """End the newest session of the browser."""
        self.row(browser).get_by_role("button", name="End", exact=True).click()
        self.expect_toast("The session has ended.")

    def end_all_others(self) -> None:
        self.page.get_by_role("button", name="End all others").click()
        self.expect_toast("ended.")
