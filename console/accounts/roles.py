"""Roles and their permissions. A role is the Django group of the same name."""

from enum import Enum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.db.models.query import QuerySet

from console.text.messages import TEXTS, Message, joined


class Permission(Enum):
    """A permission that a service or a page can require. Templates use the values."""

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
    # See the settings of the console, and test its storage.
    MANAGE_SETTINGS = "manage-settings"
    # The channels of notifications.
    MANAGE_CHANNELS = "manage-channels"


class Role(models.TextChoices):
    """A role; the value is the group's name. Users can have several; without any they only manage their own account."""

    FULL_ACCESS = "Full access", TEXTS["label.full_access"]
    BACKUP_OPERATOR = "Backup operator", TEXTS["label.backup_operator"]
    READ_ONLY = "Read-only", TEXTS["label.read_only"]

    @property
    def label_code(self) -> str:
        """Return the label's code in TEXTS."""
        return f"label.{self.name.lower()}"


MAY: dict[Role, frozenset[Permission]] = {
    Role.FULL_ACCESS: frozenset(Permission),
    Role.BACKUP_OPERATOR: frozenset(
        {Permission.VIEW, Permission.CREATE_BACKUP, Permission.RESTORE_TO_NEW, Permission.DOWNLOAD_BACKUP}
    ),
    Role.READ_ONLY: frozenset({Permission.VIEW}),
}


class NotAllowed(PermissionDenied):
    """The user's role does not include the permission. The message is a sentence for that user."""


def roles_of(user: AbstractBaseUser | AnonymousUser) -> list[Role]:
    """Return the user's roles, queried once per user object; none for an inactive user."""
    if not isinstance(user, User) or not user.is_active:
        return []
    known: list[Role] | None = user.__dict__.get("_roles")
    if known is None:
        known = user.__dict__["_roles"] = granted(user)
    return known


def granted(user: User) -> list[Role]:
    """Return the roles that the user has while active. Superusers have full access."""
    if user.is_superuser:
        return [Role.FULL_ACCESS]
    names = {group.name for group in user.groups.all()}
    return [role for role in Role if role.value in names]


def has_role(role: Role) -> Q:
    """Return the condition that granted() includes the role."""
    in_group = Q(pk__in=User.groups.through.objects.filter(group__name=role.value).values("user"))
    superuser = Q(is_superuser=True)
    return in_group | superuser if role is Role.FULL_ACCESS else in_group & ~superuser


def administrators() -> "QuerySet[User]":
    """Return the active users with full access."""
    return User.objects.filter(has_role(Role.FULL_ACCESS), is_active=True)


def refusal(user: AbstractBaseUser | AnonymousUser | None, permission: Permission | None) -> str:
    """Return why the user lacks the permission, or "" if they have it. The user None is the console itself."""
    if user is None or permission is None:
        return ""
    roles = roles_of(user)
    if any(permission in MAY[role] for role in roles):
        return ""
    if not roles:
        return Message("role.missing")
    others = [role.label for role in Role if permission in MAY[role]]
    yours = joined(", ", [role.label for role in roles])
    return Message("role.insufficient", yours=yours, others=joined(", ", others), count=len(others))


def require(user: AbstractBaseUser | AnonymousUser | None, permission: Permission | None) -> None:
    """Raise NotAllowed unless a role of the user includes the permission."""
    if reason := refusal(user, permission):
        raise NotAllowed(reason)


def make_groups(**_kwargs: Any) -> None:
    """Create missing groups. Django calls this after every migrate."""
    for role in Role:
        Group.objects.get_or_create(name=role.value)
