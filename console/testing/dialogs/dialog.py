"""What all dialogs have."""

import re
from typing import ClassVar, Literal, Self

from playwright.sync_api import Locator, Page, expect


class Dialog:
    """An open dialog. The constructor waits until it is visible."""

    views: ClassVar[tuple[str, ...]] = ()
    title = ""
    confirm = "OK"
    # The row operation that opens the dialog.
    operation = ""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.get_by_role("dialog", name=self.title)
        expect(self.root).to_be_visible()

    def field(self, label: str) -> Locator:
        return self.root.get_by_label(label, exact=True)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def press(self) -> Self:
        """Press the confirm button, without waiting for the dialog to close: for requests the console will refuse."""
        self.button(self.confirm).click()
        return self

    def done(self) -> None:
        """Press the confirm button, and wait until the dialog has closed."""
        self.press()
        self.expect_closed()

    def cancel(self) -> None:
        self.button("Cancel").click()
        self.expect_closed()

    def escape(self) -> None:
        self.page.keyboard.press("Escape")
        self.expect_closed()

    def dismiss_typed(self, *, how: Literal["Escape", "backdrop"] = "Escape") -> Locator:
        """Press Escape, or click beside the dialog, after something was typed. Return the question that this opens."""
        if how == "Escape":
            self.page.keyboard.press("Escape")
        else:
            self.page.mouse.click(2, 2)
        question = self.page.get_by_role("alertdialog", name="Discard what you typed?")
        expect(question).to_be_visible()
        return question

    def expect_closed(self) -> None:
        expect(self.root).to_be_hidden()

    def expect_text(self, *texts: str) -> Self:
        """Wait until the dialog contains all these texts."""
        for text in texts:
            expect(self.root).to_contain_text(text)
        return self

    def expect_error(self, label: str, message: str) -> None:
        """Wait until the field is marked invalid and described by the message."""
        expect(self.field(label)).to_have_accessible_description(re.compile(re.escape(message)))
        expect(self.field(label)).to_have_attribute("aria-invalid", "true")

    def expect_refused(self, message: str) -> None:
        """Wait until the dialog shows the reason why the console refused the action."""
        expect(self.root.get_by_role("alert").filter(has_text=message)).to_be_visible()


class PasswordDialog(Dialog):
    """A dialog that sets a password: of an instance's administrator or of a user."""

    first_field = "Administrator Password"

    def type_password(self, password: str, *, again: str | None = None) -> Self:
        """Type the password into the first field, and `again` into the second, by default the same password."""
        self.field(self.first_field).fill(password)
        self.field("Confirm Password").fill(password if again is None else again)
        return self

    def generate(self) -> str:
        """Let the console generate a password, and return it as the dialog shows it."""
        self.button("Generate").click()
        shown = self.root.get_by_role("status").get_by_role("code")
        expect(shown).to_be_visible()
        return shown.inner_text()
