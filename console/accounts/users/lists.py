"""The list of users: its filters, sorting and export."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import DateTimeField, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.query import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.accounts import roles
from console.accounts.models import UserSession
from console.accounts.roles import Role
from console.accounts.users.choices import UserStatus
from console.lists.columns import Column
from console.lists.counting import CountOf
from console.lists.csv import Columns
from console.lists.form import ListForm
from console.lists.keys import NameKey
from console.lists.pages import Sort

NO_ROLE = "none"
_LONG_AGO = Value(datetime(1970, 1, 1, tzinfo=UTC), output_field=DateTimeField())


class UserListForm(ListForm):
    """The toolbar of Users. A console has few users, so no index serves it, and names come first."""

    list_id = "user-list"
    moment = "date_joined"
    sorts = {
        "name": Sort(NameKey("username"), _("Name, A to Z"), _("Name, Z to A")),
        "sign_in": Sort(
            # Users who never signed in come before all others.
            Coalesce(F("last_login"), _LONG_AGO),
            _("Last sign-in, oldest first"),
            _("Last sign-in, newest first"),
            falls=True,
        ),
    }
    all_columns = (
        Column("name", _("User Name"), 212, sort="name", flexible=True),
        Column("role", _("Role"), 128),
        Column("status", _("Status"), 108),
        Column("sign_in", _("Last Sign-in"), 92, sort="sign_in", yields=2, time=True),
        Column("sessions", _("Sessions"), 84, yields=1, number=True),
        Column("operations", _("Operation"), 142, menu=True),
    )
    without_field = ("size",)

    q = forms.CharField(required=False, label=_("Search by name"), max_length=150)
    since = until = None  # type: ignore[assignment]
    role = forms.ChoiceField(
        required=False, label=_("Role"), choices=[("", _("All roles")), *Role.choices, (NO_ROLE, _("No role"))]
    )
    status = forms.ChoiceField(
        required=False, label=_("Status"), choices=[("", _("All statuses")), *UserStatus.choices]
    )

    field_order = ["q", "role", "status", "sort"]

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        if role := chosen.get("role"):
            yield _without_role() if role == NO_ROLE else roles.has_role(Role(role))
        if status := chosen.get("status"):
            yield Q(is_active=status == UserStatus.ACTIVE)

    def searching(self, text: str) -> Q:
        return Q(username__istartswith=text)


def _without_role() -> Q:
    return ~roles.has_role(Role.FULL_ACCESS) & ~roles.has_role(Role.BACKUP_OPERATOR) & ~roles.has_role(Role.READ_ONLY)


def listed() -> "QuerySet[User]":
    """Return all users with their groups and the number of their sessions, `session_count`."""
    sessions = UserSession.objects.filter(user=OuterRef("pk"), expire_date__gt=timezone.now())
    counted: Any = CountOf(sessions.order_by().values("pk"))
    return User.objects.prefetch_related("groups").annotate(session_count=counted)


def role_label(account: User) -> str:
    return ", ".join(str(role.label) for role in roles.granted(account))


USER_COLUMNS: Columns[User] = [
    (_("User Name"), lambda account: account.get_username()),
    (_("Role"), role_label),
    (_("Status"), lambda account: UserStatus.of(account).label),
    (_("Last Sign-in"), lambda account: account.last_login),
    (_("Sessions"), lambda account: account.session_count),  # type: ignore[attr-defined]  # annotated in listed()
]
