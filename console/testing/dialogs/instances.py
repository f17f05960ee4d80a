"""The dialogs of instances and existing deployments."""

from typing import Self

from console.testing.dialogs.dialog import Dialog, PasswordDialog
from console.testing.session import INSTANCE_PASSWORD


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
