"""What each role may do: the one place that says so. Roles are Django's groups, by name."""

from enum import Enum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils.translation import gettext_lazy

from console.text.sentences import joined
from console.text.sentences import sentence as _


class Permission(Enum):
    """What an action or a page may ask for. The values are what templates write."""

    VIEW = "view"
    CREATE_BACKUP = "create-backup"
    RESTORE_TO_NEW = "restore-to-new"
    DOWNLOAD_BACKUP = "download-backup"
    # Delete, edit, lock, verify and cancel backups.
    MANAGE_BACKUPS = "manage-backups"
    # Create, delete, rename and restart instances, overwrite them by a restore, change their backup policy.
    MANAGE_INSTANCES = "manage-instances"
    READ_AUDIT = "read-audit"
    MANAGE_USERS = "manage-users"


class Role(models.TextChoices):
    """The value is the group's name. A user may have several; one without any may only manage the own account."""

    FULL_ACCESS = "Full access", gettext_lazy("Full access")
    BACKUP_OPERATOR = "Backup operator", gettext_lazy("Backup operator")
    READ_ONLY = "Read-only", gettext_lazy("Read-only")


MAY: dict[Role, frozenset[Permission]] = {
    Role.FULL_ACCESS: frozenset(Permission),
    Role.BACKUP_OPERATOR: frozenset(
        {Permission.VIEW, Permission.CREATE_BACKUP, Permission.RESTORE_TO_NEW, Permission.DOWNLOAD_BACKUP}
    ),
    Role.READ_ONLY: frozenset({Permission.VIEW}),
}


class NotAllowed(PermissionDenied):
    """The user's role does not include the action. The message is a sentence for that user."""


def roles_of(user: AbstractBaseUser | AnonymousUser) -> list[Role]:
    """The user's roles, looked up once per user object; superusers have full access."""
    if not isinstance(user, User) or not user.is_active:
        return []
    if user.is_superuser:
        return [Role.FULL_ACCESS]
    known: list[Role] | None = user.__dict__.get("_roles")
    if known is None:
        names = set(user.groups.values_list("name", flat=True))
        known = user.__dict__["_roles"] = [role for role in Role if role.value in names]
    return known


def refusal(user: AbstractBaseUser | AnonymousUser | None, permission: Permission | None) -> str:
    """Why the user may not, in a sentence; empty if it is allowed. None as user is the console itself."""
    if user is None or permission is None:
        return ""
    roles = roles_of(user)
    if any(permission in MAY[role] for role in roles):
        return ""
    if not roles:
        return _("Your user has no role yet. Ask an administrator for one.")
    return _("Your role (%(yours)s) may not do this. It takes: %(others)s.") % {
        "yours": joined(", ", [role.label for role in roles]),
        "others": joined(", ", [role.label for role in Role if permission in MAY[role]]),
    }


def require(user: AbstractBaseUser | AnonymousUser | None, permission: Permission | None) -> None:
    """Raise NotAllowed unless a role of the user includes the permission."""
    if reason := refusal(user, permission):
        raise NotAllowed(reason)


def make_groups(**_kwargs: Any) -> None:
    """Make the groups that are missing; called after every migrate."""
    for role in Role:
        Group.objects.get_or_create(name=role.value)
