"""Page objects of the dialogs. Tests find fields by label and buttons by name.

Each dialog's `views` names the URLs that show it; one of the console's own tests compares these with all URLs.
"""

from console.testing.dialogs.backups import (
    CancelBackupDialog,
    ChooseBackupDialog,
    CreateBackupDialog,
    DeleteBackupDialog,
    DeleteBackupsDialog,
    EditDescriptionDialog,
    LockBackupDialog,
    PolicyDialog,
    RestoreDialog,
    UnlockBackupDialog,
    VerifyBackupDialog,
)
from console.testing.dialogs.channels import (
    CreateChannelDialog,
    DeleteChannelDialog,
    EditChannelDialog,
    SendTestDialog,
)
from console.testing.dialogs.dialog import (
    Dialog,
    PasswordDialog,
)
from console.testing.dialogs.everywhere import (
    KeysDialog,
    SearchDialog,
)
from console.testing.dialogs.instances import (
    AddExistingInstanceDialog,
    ConnectionTestDialog,
    CreateInstanceDialog,
    DeleteInstanceDialog,
    EditConnectionDialog,
    RemoveFromConsoleDialog,
    ResetPasswordDialog,
    RestartInstanceDialog,
)
from console.testing.dialogs.tasks import (
    RetryTaskDialog,
    StorageTestDialog,
)
from console.testing.dialogs.users import (
    ActivateUserDialog,
    ChangeRoleDialog,
    CreateUserDialog,
    DeactivateUserDialog,
    EndSessionsDialog,
    ResetUserPasswordDialog,
    SignInDialog,
    TimeZoneDialog,
)

__all__ = [
    "ActivateUserDialog",
    "AddExistingInstanceDialog",
    "CancelBackupDialog",
    "ChangeRoleDialog",
    "ChooseBackupDialog",
    "ConnectionTestDialog",
    "CreateBackupDialog",
    "CreateChannelDialog",
    "CreateInstanceDialog",
    "CreateUserDialog",
    "DeactivateUserDialog",
    "DeleteBackupDialog",
    "DeleteBackupsDialog",
    "DeleteChannelDialog",
    "DeleteInstanceDialog",
    "Dialog",
    "EditChannelDialog",
    "EditConnectionDialog",
    "EditDescriptionDialog",
    "EndSessionsDialog",
    "KeysDialog",
    "LockBackupDialog",
    "PasswordDialog",
    "PolicyDialog",
    "RemoveFromConsoleDialog",
    "ResetPasswordDialog",
    "ResetUserPasswordDialog",
    "RestartInstanceDialog",
    "RestoreDialog",
    "RetryTaskDialog",
    "SearchDialog",
    "SendTestDialog",
    "SignInDialog",
    "StorageTestDialog",
    "TimeZoneDialog",
    "UnlockBackupDialog",
    "VerifyBackupDialog",
]
