"""The dialogs of users, and of signing in again."""

from typing import Self

from console.testing.dialogs.dialog import Dialog, PasswordDialog


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


class TimeZoneDialog(Dialog):
    """The dialog that chooses the user's time zone. The page loads again when it is done."""

    views = ("time-zone",)
    title = "Time Zone"

    def submit(self, zone: str) -> None:
        """Choose a zone such as "Europe/Berlin", or "" for that of each browser."""
        self.field("Time Zone").fill(zone)
        self.done()


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
