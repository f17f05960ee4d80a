"""The operations on an instance: the visible button and the More menu."""

from django.utils.translation import gettext as _

from console.accounts.roles import Permission
from console.web.operations import Operation
from instances.models import Instance


def operations(instance: Instance) -> tuple[Operation, list[Operation]]:
    """Return Create Backup as the button, and all operations in the menu's order."""
    id, url, manage = instance.id, instance.get_absolute_url(), Permission.MANAGE_INSTANCES
    label, create, needs, refusal = (
        _("Create Backup"),
        f"{url}backups/create/",
        Permission.CREATE_BACKUP,
        instance.backup_refusal,
    )
    name, password = f"#name-{id}", instance.password_refusal
    delete = _("Remove from Console") if instance.is_deployment else _("Delete")
    return Operation(f"create-backup-{id}", label, create, needs, refusal, shortcut="c"), [
        Operation(f"menu-backup-{id}", label, create, needs, refusal),
        *(_on_connection(instance) if instance.is_deployment else ()),
        Operation(f"menu-restart-{id}", _("Restart"), f"{url}restart/", manage, instance.restart_refusal),
        Operation(f"menu-password-{id}", _("Reset Password"), f"{url}reset-password/", manage, password),
        Operation(f"menu-rename-{id}", _("Rename"), f"{url}rename/", manage, instance.rename_refusal, target=name),
        Operation(f"menu-delete-{id}", delete, f"{url}delete/", manage, instance.delete_refusal, danger=True),
    ]


def _on_connection(instance: Instance) -> list[Operation]:
    id, url, manage, refusal = (
        instance.id,
        instance.get_absolute_url(),
        Permission.MANAGE_INSTANCES,
        instance.connection_refusal,
    )
    return [
        Operation(f"menu-test-{id}", _("Test Connection"), f"{url}test-connection/", manage, refusal),
        Operation(f"menu-connection-{id}", _("Edit Connection"), f"{url}connection/", manage, refusal),
    ]
