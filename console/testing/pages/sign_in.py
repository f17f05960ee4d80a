from typing import ClassVar, Self
from urllib.parse import urljoin

from playwright.sync_api import Page, expect


class SignIn:
    views: ClassVar[tuple[str, ...]] = ("sign-in",)
    # The labels in the language of the page.
    username, password, button = "Username", "Password", "Sign in"

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, url: str) -> Self:
        """Open the page at the console's address."""
        self.page.goto(urljoin(url, "/sign-in/"))
        return self

    def shown(self) -> Self:
        """Wait until the page shows its button."""
        expect(self.page.get_by_role("button", name=self.button)).to_be_visible()
        return self

    def choose_language(self, name: str) -> None:
        """Choose a language by its own name, such as "English"."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def attempt(self, username: str, password: str) -> None:
        """Submit the form, without waiting for the result: for credentials that will be rejected."""
        self.page.get_by_label(self.username).fill(username)
        self.page.get_by_label(self.password).fill(password)
        self.page.get_by_role("button", name=self.button).click()

    def expect_error(self, text: str) -> None:
        expect(self.page.get_by_role("alert").filter(has_text=text)).to_be_visible()

    def submit(self, username: str, password: str) -> None:
        self.attempt(username, password)
        # The user's menu is visible at any width.
        expect(self.page.get_by_role("banner").get_by_role("button", name=username)).to_be_visible()
