"""What all pages of a signed-in user have."""

import re
from pathlib import Path
from typing import ClassVar, NamedTuple, Self, TypeVar
from urllib.parse import urlencode, urljoin

from playwright.sync_api import Locator, Page, expect

from console.testing.dialogs import KeysDialog, SearchDialog, TimeZoneDialog

Shown = TypeVar("Shown", bound="ConsolePage")

# Work may take a while to end. An assertion returns as soon as it is true.
WORK_MILLISECONDS = 60_000


class Exported(NamedTuple):
    """A list exported as a file, as the browser saved it."""

    name: str
    text: str


class ConsolePage:
    """A page of the console, for a user who has signed in. `views` holds the names of its URLs."""

    views: ClassVar[tuple[str, ...]] = ()
    # If empty, the page has no fixed path: open() loads the browser's current page.
    path = ""
    heading = ""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, **query: str | int) -> Self:
        """Open the page with this query string, such as q="orders" or size=50 for a list."""
        self.page.goto(urljoin(self.page.url, self.path) + (f"?{urlencode(query)}" if query else ""))
        return self.shown()

    def shown(self) -> Self:
        """Wait until the page's heading is visible."""
        expect(self.page.get_by_role("heading", name=self.heading, level=1)).to_be_visible()
        return self

    def expect_text(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page shows the text anywhere in its main part."""
        expect(self.page.get_by_role("main").get_by_text(text).first).to_be_visible(timeout=WORK_MILLISECONDS)

    def go_to(self, kind: type[Shown]) -> Shown:
        """Go to another page through the navigation on the left, and return its page object."""
        # Below 900 px a button opens the navigation.
        button = self.page.get_by_role("button", name="Navigation", exact=True)
        if button.is_visible():
            button.click()
        navigation = self.page.get_by_role("navigation", name="Navigation")
        navigation.get_by_role("link", name=kind.heading, exact=True).click()
        return kind(self.page).shown()

    def search_everything(self, text: str) -> SearchDialog:
        """Press Ctrl-K and type the text, which may be the beginning of a name, or a whole id."""
        self.page.keyboard.press("Control+k")
        dialog = SearchDialog(self.page)
        dialog.box.fill(text)
        return dialog

    @property
    def help_button(self) -> Locator:
        """Return the button beside the heading that opens the page's help."""
        return self.page.get_by_role("main").get_by_role("button", name="Help", exact=True)

    @property
    def help(self) -> Locator:
        """Return the help of the page, which is hidden until its button is pressed."""
        return self.page.locator("#help")

    @property
    def user_menu(self) -> Locator:
        """Return the button that opens the user's menu."""
        return self.page.get_by_role("banner").get_by_role("button").last

    def choose_in_user_menu(self, name: str) -> None:
        """Choose Sessions, Change password, Keyboard shortcuts, Sign out, a theme or a language."""
        self.user_menu.click()
        self.user_menu_item(name).click()

    def user_menu_item(self, name: str) -> Locator:
        item = self.page.get_by_role("menuitem", name=name, exact=True)
        return item.or_(self.page.get_by_role("menuitemradio", name=name, exact=True))

    def choose_time_zone(self, zone: str) -> None:
        """Choose a zone such as "Europe/Berlin", or "" for that of each browser."""
        self.user_menu.click()
        self.page.get_by_role("menuitem", name="Time zone").click()
        TimeZoneDialog(self.page).submit(zone)
        self.expect_toast("The time zone is set.")

    def show_keys(self) -> KeysDialog:
        self.choose_in_user_menu("Keyboard shortcuts")
        return KeysDialog(self.page)

    @property
    def bell(self) -> Locator:
        """Return the bell's button. Its name says how many events are unread."""
        return self.page.get_by_role("banner").get_by_role("button", name="What happened")

    def expect_unread(self, count: str) -> None:
        """Wait until the bell says this number of unread events, such as "2" or "20+"; "" for none."""
        said = f"What happened: {count} unread" if count else "What happened: nothing new"
        expect(self.bell).to_have_accessible_name(said, timeout=WORK_MILLISECONDS)

    def what_happened(self) -> Locator:
        """Open the bell, and return its list. Each event is a link to the page about it."""
        self.bell.click()
        return self.page.get_by_role("group", name="What happened")

    def mark_all_read(self) -> None:
        self.what_happened().get_by_role("button", name="Mark all as read").click()
        self.expect_unread("")

    def expect_session_ended(self) -> Locator:
        """Wait until the page, or its open dialog, says that the session has ended. Return that banner."""
        banner = self.page.get_by_role("alert").filter(has_text="Your session has ended.")
        expect(banner).to_be_visible(timeout=WORK_MILLISECONDS)
        return banner

    def expect_toast(self, text: str) -> None:
        """Wait until a toast shows the text: about the last request, or about work that has ended."""
        expect(self._toast(text)).to_be_visible(timeout=WORK_MILLISECONDS)

    def expect_no_toast(self, text: str) -> None:
        expect(self._toast(text)).to_have_count(0)

    def follow_toast(self, text: str) -> None:
        """Follow the toast's link."""
        self._toast(text).get_by_role("link").click()

    def close_toast(self, text: str) -> None:
        self._toast(text).get_by_role("button", name="Close").click()
        self.expect_no_toast(text)

    def expect_announced(self, text: str) -> None:
        """Wait until the page announces exactly this to screen readers; with empty text, until nothing is announced."""
        expect(self.page.locator("#announcer")).to_have_text(text)

    def expect_running(self, number: int) -> None:
        """Wait until the title of the browser's tab shows this number of the user's tasks in progress."""
        title = rf"^\({number}\) " if number else r"^(?!\()"
        expect(self.page).to_have_title(re.compile(title), timeout=WORK_MILLISECONDS)

    def expect_notice(self, text: str) -> None:
        """Wait until a notice at the top of the page shows the text, such as that an agent has stopped responding."""
        expect(self._notices()).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def unfold_notice(self) -> None:
        """Show the details of the notice at the top of the page."""
        self._notices().get_by_text("Details").click()

    def hide_notice(self) -> None:
        """Hide the notice of this outage, as users can who cannot end it."""
        self._notices().get_by_role("button", name="Hide this notice").click()

    def expect_no_notice(self) -> None:
        expect(self._notices()).to_be_empty(timeout=WORK_MILLISECONDS)

    def _notices(self) -> Locator:
        return self.page.locator("#notices")

    def _toast(self, text: str) -> Locator:
        return self.page.get_by_role("status").locator("[data-toast]").filter(has_text=text)

    def _export(self, link: str) -> Exported:
        with self.page.expect_download() as download:
            self.page.get_by_role("main").get_by_role("link", name=link, exact=True).click()
        saved = Path(download.value.path())
        return Exported(download.value.suggested_filename, saved.read_text(encoding="utf-8-sig"))

    def _press(self, name: str) -> None:
        self.page.get_by_role("main").get_by_role("link", name=name, exact=True).or_(
            self.page.get_by_role("main").get_by_role("button", name=name, exact=True)
        ).first.click()

    def _row(self, name: str) -> Locator:
        """Return the newest row whose name is a link with this text."""
        link = self.page.get_by_role("link", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=link).first


class FactsPage(ConsolePage):
    """A page with the facts about one object."""

    def fact(self, term: str) -> Locator:
        """Return the value beside the term, such as "Size"."""
        term_only = re.compile(rf"^\s*{re.escape(term)}\s*$")
        return self.page.get_by_role("term").filter(has_text=term_only).first.locator("xpath=following-sibling::dd[1]")
