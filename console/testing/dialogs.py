"""The dialogs, as tests meet them: fields by their labels, buttons by their names."""

import re
from typing import Self

from playwright.sync_api import Locator, Page, expect


class Dialog:
    """The open dialog with this title; making the object waits for it."""

    def __init__(self, page: Page, title: str, confirm: str = "OK") -> None:
        self.page = page
        self.root = page.get_by_role("dialog", name=title)
        self.confirm = confirm
        expect(self.root).to_be_visible()

    def field(self, label: str) -> Locator:
        return self.root.get_by_label(label, exact=True)

    def press(self) -> Self:
        """Press the button that does it; for what will be refused."""
        self.root.get_by_role("button", name=self.confirm, exact=True).click()
        return self

    def done(self) -> None:
        """Press the button that does it, and wait until the dialog has closed."""
        self.press()
        expect(self.root).to_be_hidden()

    def cancel(self) -> None:
        self.root.get_by_role("button", name="Cancel").or_(self.root.get_by_role("link", name="Cancel")).click()
        expect(self.root).to_be_hidden()

    def expect_error(self, label: str, message: str) -> None:
        """The message stands beside the field, and is read with it."""
        expect(self.field(label)).to_have_accessible_description(re.compile(re.escape(message)))
        expect(self.field(label)).to_have_attribute("aria-invalid", "true")


class CreateBackupDialog(Dialog):
    def __init__(self, page: Page) -> None:
        super().__init__(page, "Create Backup")

    def choose(self, *, type: str, instance: str) -> Self:
        """In Backup Management: the instance, by its type's label and by its name."""
        self.field("DB Instance Type").select_option(label=type)
        option = self.root.get_by_role("option", name=instance)
        option.first.wait_for(state="attached")
        self.field("DB Instance Name").select_option(option.first.get_attribute("value"))
        return self

    def fill(self, *, name: str, description: str = "") -> Self:
        self.field("Backup Name").fill(name)
        self.field("Description").fill(description)
        return self

    def submit(self, *, name: str, description: str = "") -> None:
        self.fill(name=name, description=description).done()


class CreateInstanceDialog(Dialog):
    def __init__(self, page: Page) -> None:
        super().__init__(page, "Create DB Instance")

    def submit(self, *, name: str, type: str = "Replica set") -> None:
        self.field("DB Instance Name").fill(name)
        self.field("DB Instance Type").select_option(label=type)
        self.done()


class RestoreDialog(Dialog):
    """Opens with Create New Instance; to_original() changes over."""

    def __init__(self, page: Page) -> None:
        super().__init__(page, "Restore Backup")

    def to_new(self, name: str) -> None:
        self.field("DB Instance Name").fill(name)
        self.done()

    def to_original(self, instance: str, *, safety_backup: bool = True) -> None:
        self.root.get_by_role("link", name="Restore to Original").click()
        self.field("Type the name of the instance to confirm").fill(instance)
        self.field("Back up the present data first").set_checked(safety_backup)
        self.confirm = "Restore"
        self.done()


class PolicyDialog(Dialog):
    def __init__(self, page: Page) -> None:
        super().__init__(page, "Modify Backup Policy")

    def turn(self, on: bool) -> Self:
        self.field("Automated Backup").set_checked(on)
        return self

    def keep(self, days: int) -> Self:
        self.field("Retention Period (days)").fill(str(days))
        return self


class EditDescriptionDialog(Dialog):
    def __init__(self, page: Page) -> None:
        super().__init__(page, "Edit Description")

    def submit(self, description: str) -> None:
        self.field("Description").fill(description)
        self.done()
