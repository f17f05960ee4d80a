"""What all rows have."""

import re
from typing import TypeVar

from playwright.sync_api import Locator, Page, expect

from console.testing.dialogs import Dialog
from console.testing.pages.page import WORK_MILLISECONDS

Asked = TypeVar("Asked", bound=Dialog)


class Row:
    """A row of a list. `id` and `status` are the API's values, from the attributes that README.md documents."""

    id_attribute = ""

    def __init__(self, page: Page, root: Locator) -> None:
        self.page = page
        self.root = root

    @property
    def id(self) -> str:
        return self.root.get_attribute(self.id_attribute) or ""

    @property
    def status(self) -> str:
        return self.root.get_attribute("data-status") or ""

    def expect_status(self, label: str) -> None:
        """Wait until the row shows the status with this label."""
        expect(self.root.get_by_text(label, exact=True).first).to_be_visible(timeout=WORK_MILLISECONDS)

    def expect_text(self, text: str) -> None:
        """Wait until the row contains the text."""
        expect(self.root).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def expect_progress(self, *details: str) -> None:
        """Wait until the row has a progress bar with all these details, such as bytes, speed or time left."""
        bar = self.root.get_by_role("progressbar")
        expect(bar).to_be_visible(timeout=WORK_MILLISECONDS)
        for detail in details:
            expect(bar).to_have_accessible_description(re.compile(re.escape(detail)), timeout=WORK_MILLISECONDS)

    def expect_gone(self) -> None:
        expect(self.root).to_have_count(0, timeout=WORK_MILLISECONDS)

    def press(self, name: str) -> None:
        """Press one of the row's own operations."""
        self.operation(name).click()

    def operation(self, name: str) -> Locator:
        """Return one of the row's own operations, or its name: a link, or a button if it cannot be used now."""
        link = self.root.get_by_role("link", name=name, exact=True)
        return link.or_(self.root.get_by_role("button", name=name, exact=True)).first

    @property
    def more(self) -> Locator:
        """Return the button that opens the row's menu."""
        return self.root.get_by_role("button", name="More")

    def menu_item(self, name: str) -> Locator:
        """Return an operation of the open More menu. Its name or description has the reason if it is disabled."""
        return self.page.get_by_role("menuitem", name=re.compile(f"^{re.escape(name)}"))

    def choose(self, name: str) -> None:
        """Choose an operation of the row's More menu."""
        self.more.click()
        self.menu_item(name).click()

    def ask(self, dialog: type[Asked]) -> Asked:
        """Open the dialog through its operation in the More menu, and return the dialog."""
        self.choose(dialog.operation)
        return dialog(self.page)

    def expect_refused(self, name: str, reason: str) -> None:
        """Expect the operation in the More menu to be unavailable, with this reason."""
        self.more.click()
        item = self.menu_item(name)
        expect(item).to_have_attribute("aria-disabled", "true")
        described = item.get_attribute("aria-describedby")
        expect(self.page.locator(f"#{described}") if described else item).to_contain_text(reason)
        self.page.keyboard.press("Escape")
