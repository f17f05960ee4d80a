import re
from typing import ClassVar

from playwright.sync_api import Locator, Page, expect

from console.testing.dialogs import ConnectionTestDialog, EditConnectionDialog, ResetPasswordDialog
from console.testing.pages.backup_management import BackupsAndRestorations
from console.testing.pages.page import WORK_MILLISECONDS, FactsPage
from console.testing.pages.task_center import InstanceTasks


class RenameForm:
    """The form that edits an instance's name in place: in a row, or on Basic Information."""

    views: ClassVar[tuple[str, ...]] = ("instances:rename", "instances:name")

    def __init__(self, page: Page, within: Locator) -> None:
        self.page = page
        self.root = within.get_by_role("form", name="Rename DB Instance")
        self.name = self.root.get_by_label("DB Instance Name")
        expect(self.name).to_be_focused()

    def submit(self, name: str) -> None:
        self.attempt(name)
        expect(self.page.get_by_role("link", name=name, exact=True).first).to_be_visible()

    def attempt(self, name: str) -> None:
        """Submit the form, without waiting for the result: for names that will be rejected."""
        self.name.fill(name)
        self.name.press("Enter")

    def expect_error(self, message: str) -> None:
        expect(self.root.get_by_role("listitem").filter(has_text=message)).to_be_visible()

    def escape(self) -> None:
        self.name.press("Escape")
        expect(self.root).to_have_count(0)


def expect_down(page: Page, text: str) -> None:
    """Wait until an instance's page shows that the server is down, with this text."""
    said = page.get_by_role("main").get_by_role("paragraph").filter(has_text="The database server is down.")
    expect(said).to_contain_text(text, timeout=WORK_MILLISECONDS)


class BasicInformation(FactsPage):
    """All facts about one instance. Open the page from the instance's home, or with the instance's id."""

    views = ("instances:detail",)
    heading = "Basic Information"

    def __init__(self, page: Page, instance_id: str = "") -> None:
        super().__init__(page)
        self.path = f"/instances/{instance_id}/basic-information/" if instance_id else ""

    def edit_name(self) -> RenameForm:
        self.page.get_by_role("main").get_by_role("button", name=re.compile("^Rename ")).click()
        return RenameForm(self.page, self.page.get_by_role("main"))

    def reset_password(self) -> ResetPasswordDialog:
        self.page.get_by_role("main").get_by_role("link", name="Reset Password", exact=True).click()
        return ResetPasswordDialog(self.page)

    def test_connection(self) -> None:
        """Test the connection of an existing deployment, without waiting for the result."""
        self._press("Test Connection")
        ConnectionTestDialog(self.page).done()

    def edit_connection(self) -> EditConnectionDialog:
        self._press("Edit Connection")
        return EditConnectionDialog(self.page)

    @property
    def findings(self) -> Locator:
        """Return the sentences of the last test of an existing deployment."""
        return self.fact("Last Test").get_by_role("listitem")

    @property
    def connection_string(self) -> str:
        """Return the connection string, which has the user but no password."""
        return self.fact("Connection String").get_by_role("code").inner_text()

    def expect_down(self, text: str) -> None:
        """Wait until the page shows that the server is down, with this text."""
        expect_down(self.page, text)

    def backups_and_restorations(self) -> BackupsAndRestorations:
        return self.go_to(BackupsAndRestorations)

    def tasks(self) -> InstanceTasks:
        """Open the tasks of this instance."""
        return self.go_to(InstanceTasks)
