import re

from playwright.sync_api import Locator, Page, expect

from console.testing.dialogs import (
    ChooseBackupDialog,
    ConnectionTestDialog,
    CreateBackupDialog,
    DeleteInstanceDialog,
    EditConnectionDialog,
    PolicyDialog,
    RemoveFromConsoleDialog,
    ResetPasswordDialog,
    RestartInstanceDialog,
)
from console.testing.pages.backup_management import BackupsAndRestorations
from console.testing.pages.basic_information import BasicInformation, RenameForm, expect_down
from console.testing.pages.page import WORK_MILLISECONDS, FactsPage
from console.testing.pages.task_center import InstanceTasks


class InstanceHome(FactsPage):
    """The home of one instance. Follow its name in Instance Management, or open it with the instance's id and name."""

    views = ("instance",)

    def __init__(self, page: Page, name: str, instance_id: str = "") -> None:
        super().__init__(page)
        self.heading = name
        self.path = f"/instances/{instance_id}/" if instance_id else ""

    def expect_status(self, label: str) -> None:
        expect(self.fact("Status")).to_contain_text(label, timeout=WORK_MILLISECONDS)

    def list(self, title: str) -> Locator:
        """Return the rows of In progress, Last tasks, Last restorations or Audit."""
        return self.page.get_by_role("list", name=title, exact=True).get_by_role("listitem")

    def chart(self, title: str) -> Locator:
        """Return the chart Backups of the last 14 days or Data and growth."""
        return self.page.get_by_role("group", name=title)

    def create_backup(self) -> CreateBackupDialog:
        self._press("Create Backup")
        return CreateBackupDialog(self.page)

    def restore(self) -> ChooseBackupDialog:
        self._press("Restore...")
        return ChooseBackupDialog(self.page)

    def modify_policy(self) -> PolicyDialog:
        self._press("Modify Backup Policy")
        return PolicyDialog(self.page)

    def edit_name(self) -> RenameForm:
        self.choose("Rename")
        return RenameForm(self.page, self.page.get_by_role("main"))

    def restart(self) -> None:
        self.choose("Restart")
        RestartInstanceDialog(self.page).done()

    def reset_password(self) -> ResetPasswordDialog:
        self.choose("Reset Password")
        return ResetPasswordDialog(self.page)

    def test_connection(self) -> None:
        """Test the connection of an existing deployment, without waiting for the result."""
        self.choose("Test Connection")
        ConnectionTestDialog(self.page).done()

    def edit_connection(self) -> EditConnectionDialog:
        self.choose("Edit Connection")
        return EditConnectionDialog(self.page)

    def remove_from_console(self) -> RemoveFromConsoleDialog:
        self.choose("Remove from Console")
        return RemoveFromConsoleDialog(self.page)

    def delete(self) -> DeleteInstanceDialog:
        self.choose("Delete")
        return DeleteInstanceDialog(self.page)

    def choose(self, operation: str) -> None:
        """Choose an operation of the More menu."""
        self.page.get_by_role("main").get_by_role("button", name="More", exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile(f"^{operation}")).click()

    def expect_down(self, text: str) -> None:
        """Wait until the page shows that the server is down, with this text."""
        expect_down(self.page, text)

    def basic_information(self) -> BasicInformation:
        return self.go_to(BasicInformation)

    def backups_and_restorations(self) -> BackupsAndRestorations:
        return self.go_to(BackupsAndRestorations)

    def tasks(self) -> InstanceTasks:
        return self.go_to(InstanceTasks)
