"""The dialogs of backups and backup policies."""

import re
from typing import Self

from playwright.sync_api import Locator, expect

from console.testing.dialogs.dialog import Dialog, PasswordDialog


class CreateBackupDialog(Dialog):
    views = ("backups:create", "backups:create-for-instance")
    title = "Create Backup"
    operation = "Create Backup"

    def choose(self, *, type: str, instance: str) -> Self:
        """Choose the instance by its type's label and its name; only in Backup Management."""
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


class RestoreDialog(PasswordDialog):
    """The Restore dialog. It opens with Create New Instance; to_original() switches to Restore to Original."""

    first_field = "New Password (optional)"

    views = ("backups:restore", "backups:restore-to-original", "backups:restore-to-deployment")
    title = "Restore Backup"
    operation = "Restore"

    def to_new(self, name: str) -> None:
        self.field("DB Instance Name").fill(name)
        self.done()

    def change_to_original(self) -> Self:
        self.root.get_by_role("link", name="Restore to Original").click()
        expect(self.field("Type the name of the instance to confirm")).to_be_visible()
        self.confirm = "Restore"
        return self

    def to_original(self, instance: str, *, safety_backup: bool = True) -> None:
        self.change_to_original()
        self.field("Type the name of the instance to confirm").fill(instance)
        self.field("Back up current data first").set_checked(safety_backup)
        self.done()

    def to_deployment(self, instance: str) -> None:
        """Restore to the empty deployment that is the choice beginning with this instance's name."""
        self.root.get_by_role("link", name="Restore to Deployment").click()
        choice = self.field("DB Instance Name").get_by_role("option", name=re.compile(f"^{re.escape(instance)} "))
        self.field("DB Instance Name").select_option(choice.get_attribute("value"))
        self.done()


class ChooseBackupDialog(Dialog):
    """The calendar of an instance's Complete backups, from which the Restore dialog opens."""

    views = ("backups:choose",)
    title = "Restore from Backup"

    def day(self, label: str) -> Locator:
        """Return the link of a day with backups, such as "Nov 22, 2026"."""
        return self.root.get_by_role("table").get_by_role("link", name=label)

    def choose(self, backup: str) -> RestoreDialog:
        """Choose a backup of the day shown, at first the day of the newest backup."""
        self.root.get_by_role("link", name=backup, exact=True).click()
        return RestoreDialog(self.page)


class PolicyDialog(Dialog):
    views = ("backups:policy",)
    title = "Modify Backup Policy"

    def turn(self, on: bool) -> Self:
        self.field("Automated Backup").set_checked(on)
        return self

    def keep(self, days: int) -> Self:
        self.field("Retention Period (days)").fill(str(days))
        return self

    def start_at(self, window: str) -> Self:
        """Choose the UTC hour in which backups start, such as 23:00-00:00."""
        self.field("Time Window (UTC)").select_option(window)
        return self

    def on(self, *weekdays: str) -> Self:
        """Choose exactly these weekdays, by name."""
        for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"):
            self.field(day).set_checked(day in weekdays)
        return self

    @property
    def preview(self) -> Locator:
        """Return what the policy in the fields will do, which follows the fields."""
        return self.root.get_by_role("status", name="Preview")

    def delete_automated(self) -> Self:
        """Delete the automated backups as well; only when turning the policy off, and if there are any."""
        self.field("Delete automated backups").check()
        return self


class EditDescriptionDialog(Dialog):
    views = ("backups:edit-description",)
    title = "Edit Description"
    operation = "Edit Description"

    def submit(self, description: str) -> None:
        self.field("Description").fill(description)
        self.done()


class CancelBackupDialog(Dialog):
    views = ("backups:cancel",)
    title, confirm = "Cancel Backup", "Yes"
    operation = "Cancel"


class VerifyBackupDialog(Dialog):
    views = ("backups:verify",)
    title, confirm = "Verify Backup", "Verify"
    operation = "Verify"


class LockBackupDialog(Dialog):
    views = ("backups:lock",)
    title, confirm = "Lock Backup", "Lock"
    operation = "Lock"


class UnlockBackupDialog(Dialog):
    views = ("backups:unlock",)
    title, confirm = "Unlock Backup", "Unlock"
    operation = "Unlock"


class DeleteBackupDialog(Dialog):
    views = ("backups:delete",)
    title, confirm = "Delete Backup", "Yes"
    operation = "Delete"


class DeleteBackupsDialog(Dialog):
    """The dialog that deletes the selected backups."""

    views = ("backups:delete-selected",)
    title, confirm = "Delete Backups", "Yes"
