"""Page objects of the dialogs. Tests find fields by label and buttons by name.

Each dialog's `views` names the URLs that show it; one of the console's own tests compares these with all URLs.
"""

import re
from typing import ClassVar, Literal, Self

from playwright.sync_api import Locator, Page, expect

from console.testing.session import INSTANCE_PASSWORD


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


class CreateInstanceDialog(PasswordDialog):
    views = ("instances:create",)
    title = "Create DB Instance"

    def fill(self, *, name: str, type: str = "Replica set") -> Self:
        self.field("DB Instance Name").fill(name)
        self.field("DB Instance Type").select_option(label=type)
        return self

    def skip_password(self) -> Self:
        """Leave the administrator without a password, so that nobody can sign in."""
        self.field("Skip").check()
        return self

    def submit(self, *, name: str, type: str = "Replica set", password: str = INSTANCE_PASSWORD) -> None:
        self.fill(name=name, type=type).type_password(password).done()


class AddExistingInstanceDialog(Dialog):
    views = ("instances:add-existing",)
    title = "Add Existing Instance"

    def fill(self, *, address: str, user: str = "", password: str = "", name: str = "") -> Self:
        """Fill in the name, the connection string, the user and the password; leave out what is empty."""
        texts = {"DB Instance Name": name, "Connection String": address, "User": user, "Password": password}
        for label, text in texts.items():
            if text:
                self.field(label).fill(text)
        return self

    def unfold(self) -> Self:
        """Show the fields for authentication, TLS and reads, which are folded away at first."""
        if not self.field("Mechanism").is_visible():
            self.root.get_by_text("Authentication, TLS and reads").click()
        return self

    def use_tls(self, *, ca: str = "", certificate: str = "", verify: bool = True) -> Self:
        """Tick TLS, and paste a CA certificate, and a client certificate with its key, as PEM texts."""
        self.unfold()
        self.field("TLS").check()
        self.field("CA Certificate").fill(ca)
        self.field("Client Certificate and Key").fill(certificate)
        self.field("Do not verify certificates").set_checked(not verify)
        return self

    def allow(self, *, scratch: bool = False, any_moment: bool = False, users: bool = False) -> Self:
        """Tick exactly these: a scratch collection of the test, backups not of one moment, users and roles."""
        self.field("Let the test write to a scratch collection").set_checked(scratch)
        self.field("Allow backups that are not of one moment").set_checked(any_moment)
        self.field("Include users and roles").set_checked(users)
        return self

    def submit(self, *, name: str, address: str, user: str = "", password: str = "") -> None:
        self.fill(name=name, address=address, user=user, password=password).done()


class EditConnectionDialog(AddExistingInstanceDialog):
    """The dialog that edits a connection. Without a password, the deployment keeps the one it has."""

    views = ("instances:edit-connection",)
    title = operation = "Edit Connection"


class ConnectionTestDialog(Dialog):
    views = ("instances:test-connection",)
    title, confirm = "Test Connection", "Test"
    operation = "Test Connection"


class ResetPasswordDialog(PasswordDialog):
    views = ("instances:reset-password",)
    title = "Reset Password"
    operation = "Reset Password"
    first_field = "New Password"

    def submit(self, password: str) -> None:
        self.type_password(password).done()


class StorageTestDialog(Dialog):
    views = ("storage-test",)
    title, confirm = "Test Storage", "Test"
    operation = "Test"


class CreateUserDialog(PasswordDialog):
    views = ("user-create",)
    title = "Create User"
    first_field = "Password"

    def fill(self, *, name: str, role: str = "Read-only") -> Self:
        self.field("User Name").fill(name)
        self.field("Role").select_option(label=role)
        return self

    def submit(self, *, name: str, role: str = "Read-only", password: str) -> None:
        self.fill(name=name, role=role).type_password(password).done()


class ChangeRoleDialog(Dialog):
    views = ("user-role",)
    title = "Change Role"
    operation = "Change Role"

    def choose(self, role: str) -> Self:
        self.field("Role").select_option(label=role)
        return self


class ResetUserPasswordDialog(PasswordDialog):
    views = ("user-reset-password",)
    title = "Reset Password"
    operation = "Reset Password"
    first_field = "New Password"


class EndSessionsDialog(Dialog):
    views = ("user-end-sessions",)
    title, confirm = "End Sessions", "Yes"
    operation = "End Sessions"


class DeactivateUserDialog(Dialog):
    views = ("user-deactivate",)
    title, confirm = "Deactivate User", "Yes"
    operation = "Deactivate"


class ActivateUserDialog(Dialog):
    views = ("user-activate",)
    title, confirm = "Activate User", "Yes"
    operation = "Activate"


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


class RetryTaskDialog(Dialog):
    views = ("backups:task-retry",)
    title, confirm = "Retry Task", "Retry"
    operation = "Retry"


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


class RestartInstanceDialog(Dialog):
    views = ("instances:restart",)
    title, confirm = "Restart DB Instance", "Yes"
    operation = "Restart"


class DeleteInstanceDialog(Dialog):
    views = ("instances:delete",)
    title, confirm = "Delete DB Instance", "Yes"
    operation = "Delete"

    def fill(self, instance: str, *, final_backup: bool = False) -> Self:
        """Type the instance's name, and tick or untick the final backup."""
        self.field("Type the name of the instance to confirm").fill(instance)
        if self.field("Create a final backup").is_enabled():
            self.field("Create a final backup").set_checked(final_backup)
        return self

    def submit(self, instance: str, *, final_backup: bool = False) -> None:
        self.fill(instance, final_backup=final_backup).done()


class RemoveFromConsoleDialog(DeleteInstanceDialog):
    """The dialog that removes an existing deployment, whose documents stay."""

    title = operation = "Remove from Console"


class TimeZoneDialog(Dialog):
    """The dialog that chooses the user's time zone. The page loads again when it is done."""

    views = ("time-zone",)
    title = "Time Zone"

    def submit(self, zone: str) -> None:
        """Choose a zone such as "Europe/Berlin", or "" for that of each browser."""
        self.field("Time Zone").fill(zone)
        self.done()


class CreateChannelDialog(Dialog):
    views = ("notifications:create",)
    title = "Create Channel"

    def fill(self, *, name: str, url: str) -> Self:
        self.field("Name").fill(name)
        self.field("Apprise URL").fill(url)
        return self

    def events(self, *labels: str) -> Self:
        """Choose exactly these events, by label."""
        for box in self.root.get_by_role("group", name="Events").get_by_role("checkbox").all():
            box.uncheck()
        for label in labels:
            self.field(label).check()
        return self

    def submit(self, *, name: str, url: str) -> None:
        self.fill(name=name, url=url).done()


class EditChannelDialog(CreateChannelDialog):
    """The dialog that edits a channel. Without a URL, the channel keeps the one it has."""

    views = ("notifications:edit",)
    title = "Edit Channel"
    operation = "Edit"

    def enable(self, on: bool) -> Self:
        self.field("Enabled").set_checked(on)
        return self


class DeleteChannelDialog(Dialog):
    views = ("notifications:delete",)
    title, confirm = "Delete Channel", "Yes"
    operation = "Delete"


class SendTestDialog(Dialog):
    views = ("notifications:test",)
    title, confirm = "Send Test", "Send"
    operation = "Send Test"


class SignInDialog(Dialog):
    """The dialog in which users sign in again over the page, when their session has ended."""

    title, confirm = "Sign in", "Sign in"

    def fill(self, password: str, *, username: str = "") -> Self:
        """Type the password, and another user's name instead of the one that the dialog suggests."""
        if username:
            self.field("Username").fill(username)
        self.field("Password").fill(password)
        return self

    def submit(self, password: str, *, username: str = "") -> None:
        self.fill(password, username=username).done()


class KeysDialog(Dialog):
    """The dialog that lists the keyboard shortcuts. The ? key opens it."""

    views = ("keys",)
    title, confirm = "Keyboard shortcuts", "Close"

    @property
    def switch(self) -> Locator:
        """Return the switch that turns single-letter shortcuts on and off in this browser."""
        return self.field("Single-key shortcuts")

    def turn(self, on: bool) -> Self:
        self.switch.set_checked(on)
        return self


class SearchDialog(Dialog):
    """The search over everything. On the page without JavaScript, the results are links instead of options."""

    title = "Search"

    @property
    def box(self) -> Locator:
        return self.root.get_by_role("combobox")

    def results(self, kind: str = "") -> Locator:
        """Return the results, or those of the kind Instances, Backups, Tasks or Pages."""
        where = self.root.get_by_role("group", name=kind, exact=True) if kind else self.root
        return where.get_by_role("option")

    def expect_chosen(self, text: str) -> None:
        """Wait until Enter would follow the result with this text."""
        expect(self.root.get_by_role("option", selected=True)).to_contain_text(text)
