"""The state of the test hooks: a slowed or failing next backup, a moved clock, instances with a status that a test set.

The hooks work only if settings.TEST_HOOKS is on, which requires CONSOLE_TEST_HOOKS=1 and a loopback address. Web and
agent share the state in one row. The composition root passes these functions to the code that they control: now()
through settings.BACKUP_CLOCK, the others in the command `agent`. When the hooks are off, none of them queries the
database.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console.accounts.roles import Permission
from console.audit.audited import audited
from console.testing.models import HookState

# How far the clock can be moved. Databases and calendars have limits.
FARTHEST = timedelta(days=3650)


@dataclass(frozen=True)
class NextBackup:
    """The speed limit of a backup (0: unlimited), and the percentage at which it fails (0: never)."""

    bytes_per_second: int = 0
    fail_at: int = 0


def active() -> bool:
    return bool(settings.TEST_HOOKS)


def state() -> HookState:
    """Return the state of the hooks; an empty state if they are off."""
    return (HookState.objects.first() if active() else None) or HookState()


def now() -> datetime:
    """Return the time of the automated backups' clock."""
    moved = state().clock_seconds if active() else 0
    return timezone.now() + timedelta(seconds=moved)


def take_next_backup() -> NextBackup:
    """Return and reset what a test requested of the next backup, so that it applies only to the caller's backup."""
    if not active():
        return NextBackup()
    with transaction.atomic():
        row = HookState.objects.select_for_update().first() or HookState()
        HookState.objects.filter(pk=row.pk).update(bytes_per_second=0, fail_at=0)
    return NextBackup(row.bytes_per_second, row.fail_at)


def held() -> Collection[str]:
    """Return the ids of the instances whose status a test has set. Nothing else may change their status."""
    return state().held.keys() if active() else ()


# --- Audited actions of an administrator --------------------------------------------------------------------


@audited("testSlowNextBackup", needs=Permission.MANAGE_USERS, resource="hook")
def slow_next_backup(*, bytes_per_second: int, requested_by: User | None) -> None:
    """Limit the next backup that starts to this many bytes per second."""
    HookState.objects.update_or_create(pk=HookState.ONLY, defaults={"bytes_per_second": bytes_per_second})


@audited("testFailNextBackup", needs=Permission.MANAGE_USERS, resource="hook")
def fail_next_backup(*, percent: int, requested_by: User | None) -> None:
    """Make the next backup that starts fail at this percentage."""
    HookState.objects.update_or_create(pk=HookState.ONLY, defaults={"fail_at": percent})


@audited("testMoveClock", needs=Permission.MANAGE_USERS, resource="hook")
def move_clock(*, seconds: int, requested_by: User | None) -> None:
    """Move the automated backups' clock forwards, or backwards if `seconds` is negative."""
    with transaction.atomic():
        row, _made = HookState.objects.select_for_update().get_or_create(pk=HookState.ONLY)
        farthest = int(FARTHEST.total_seconds())
        row.clock_seconds = max(-farthest, min(farthest, row.clock_seconds + seconds))
        row.save(update_fields=["clock_seconds"])


def describe(row: HookState) -> list[str]:
    """Return sentences that describe what the hooks do at the moment."""
    sentences = []
    if row.bytes_per_second:
        sentences.append(_("The next backup is slowed down to %d bytes per second.") % row.bytes_per_second)
    if row.fail_at:
        sentences.append(_("The next backup fails at %d %%.") % row.fail_at)
    if row.clock_seconds:
        sentences.append(_("The clock of the automated backups is moved by %s.") % _hours(row.clock_seconds))
    if row.held:
        sentences.append(_("Instances whose status is held: %d.") % len(row.held))
    return sentences


def _hours(seconds: int) -> str:
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{abs(seconds) // 3600}:{abs(seconds) % 3600 // 60:02} h"
