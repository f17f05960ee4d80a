"""The lists of backups: Backup Management, and Backups & Restorations of one instance."""

from playwright.sync_api import Locator, Page

from console.testing.dialogs import CreateBackupDialog, DeleteBackupsDialog, PolicyDialog
from console.testing.pages.backup_detail import BackupRow
from console.testing.pages.list_page import ListPage
from console.testing.pages.row import Row


class BackupList(ListPage):
    def row(self, name: str) -> BackupRow:
        return BackupRow(self.page, self._row(name))

    def create_backup(self) -> CreateBackupDialog:
        self._press("Create Backup")
        return CreateBackupDialog(self.page)

    def box(self, name: str) -> Locator:
        """Return the checkbox that selects the row; for "all", the checkbox in the table head."""
        return self.page.get_by_role("checkbox", name=f"Select {name}", exact=True)

    def tick(self, *names: str) -> None:
        for name in names:
            self.box(name).check()

    def tick_all_matching(self, number: int) -> None:
        """Tick the page, then all backups that match the filters, of which there are `number`."""
        self.box("all").check()
        self.page.get_by_role("checkbox", name=f"Select all {number:,}", exact=True).check()

    @property
    def delete_button(self) -> Locator:
        """Return the button that deletes the selected backups."""
        return self.page.get_by_role("form", name="Selected backups").get_by_role("button", name="Delete")

    def delete_selected(self) -> DeleteBackupsDialog:
        self.delete_button.click()
        return DeleteBackupsDialog(self.page)


class BackupManagement(BackupList):
    views = ("backups:list",)
    path, heading = "/backups/", "Backup Management"


class RestorationRow(Row):
    id_attribute = "data-restoration-id"


class BackupsAndRestorations(BackupList):
    """The backups and restorations of one instance. Open the page from Basic Information, or with the instance's id."""

    views = ("backups:instance",)
    heading = "Backups & Restorations"

    def __init__(self, page: Page, instance_id: str = "") -> None:
        super().__init__(page)
        self.path = f"/instances/{instance_id}/backups/" if instance_id else ""

    def modify_policy(self) -> PolicyDialog:
        self._press("Modify Backup Policy")
        return PolicyDialog(self.page)

    def restoration(self, backup: str) -> RestorationRow:
        table = self.page.get_by_role("table", name="Restorations")
        return RestorationRow(self.page, table.get_by_role("row").filter(has_text=backup).first)
