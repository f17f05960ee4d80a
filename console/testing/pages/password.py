import re

from playwright.sync_api import expect

from console.testing.pages.page import ConsolePage


class Password(ConsolePage):
    views = ("password-change",)
    path, heading = "/account/password/", "Change password"

    def attempt(self, *, old: str, new: str, again: str = "") -> None:
        """Submit the form, without waiting for the result: for input that will be rejected."""
        for label, value in (("Old password", old), ("New password", new), ("New password confirmation", again or new)):
            self.page.get_by_label(label, exact=True).fill(value)
        self._press("Change password")

    def change(self, *, old: str, new: str) -> None:
        self.attempt(old=old, new=new)
        self.expect_toast("The password is changed.")

    def expect_error(self, label: str, message: str) -> None:
        """Wait until the field is described by the message."""
        field = self.page.get_by_label(label, exact=True)
        expect(field).to_have_accessible_description(re.compile(re.escape(message)))
