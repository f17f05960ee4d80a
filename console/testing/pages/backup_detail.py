"""The page of a backup, and the rows of the lists, which lead to it."""

from playwright.sync_api import Page, expect

from console.testing.dialogs import (
    CancelBackupDialog,
    DeleteBackupDialog,
    EditDescriptionDialog,
    LockBackupDialog,
    RestoreDialog,
    UnlockBackupDialog,
    VerifyBackupDialog,
)
from console.testing.pages.page import WORK_MILLISECONDS, FactsPage
from console.testing.pages.row import Row


class BackupRow(Row):
    id_attribute = "data-backup-id"

    def open(self, name: str) -> "BackupDetail":
        self.root.get_by_role("link", name=name, exact=True).click()
        return BackupDetail(self.page, name).shown()

    def restore(self) -> RestoreDialog:
        self.press("Restore")
        return RestoreDialog(self.page)

    def cancel(self) -> None:
        self.press("Cancel")
        CancelBackupDialog(self.page).done()

    def verify(self) -> None:
        self.ask(VerifyBackupDialog).done()

    def edit_description(self) -> EditDescriptionDialog:
        return self.ask(EditDescriptionDialog)

    def lock(self) -> None:
        self.ask(LockBackupDialog).done()

    def unlock(self) -> None:
        self.ask(UnlockBackupDialog).done()

    def delete(self) -> None:
        self.ask(DeleteBackupDialog).done()


class BackupDetail(FactsPage):
    """The page of one backup. Follow its name in a list, or open the page with the backup's id."""

    views = ("backups:detail",)

    def __init__(self, page: Page, name: str, backup_id: str = "") -> None:
        super().__init__(page)
        self.heading = name
        self.path = f"/backups/{backup_id}/" if backup_id else ""

    @property
    def backup(self) -> BackupRow:
        """Return the backup's id, status and operations as if they were a row of a list."""
        return BackupRow(self.page, self.page.get_by_role("region", name=self.heading, exact=True))

    def expect_progress(self, *details: str) -> None:
        """Wait until the page has a progress bar beside all these details, such as bytes, speed or time left."""
        expect(self.page.get_by_role("progressbar")).to_be_visible()
        for detail in details:
            expect(self.fact("Status")).to_contain_text(detail, timeout=WORK_MILLISECONDS)
