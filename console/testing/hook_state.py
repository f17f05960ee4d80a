"""The state of the test hooks: is the next backup slow or made to fail, is the clock moved, whose status is set.

They exist only if settings.TEST_HOOKS is on, which takes CONSOLE_TEST_HOOKS=1 and a loopback address. Web and agent
share the state in one row. The composition root hands these functions to the code that they steer: now() by
settings.BACKUP_CLOCK, the others in the command `agent`. When the hooks are off, none of them asks the database.
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

# How far the clock can be moved: databases and calendars have limits.
FARTHEST = timedelta(days=3650)


@dataclass(frozen=True)
class NextBackup:
    """How a backup is made: at so many bytes a second (0: unlimited), up to so many percent (0: to the end)."""

    bytes_per_second: int = 0
    fail_at: int = 0


def active() -> bool:
    return bool(settings.TEST_HOOKS)


def state() -> HookState:
    """Return the state of the hooks, which is empty if they are off."""
    return (HookState.objects.first() if active() else None) or HookState()


def now() -> datetime:
    """Return the time of the automated backups' clock."""
    moved = state().clock_seconds if active() else 0
    return timezone.now() + timedelta(seconds=moved)


def take_next_backup() -> NextBackup:
    """Return what was asked for of the next backup, and reset it: it is for the caller's backup alone."""
    if not active():
        return NextBackup()
    with transaction.atomic():
        row = HookState.objects.select_for_update().first() or HookState()
        HookState.objects.filter(pk=row.pk).update(bytes_per_second=0, fail_at=0)
    return NextBackup(row.bytes_per_second, row.fail_at)


def held() -> Collection[str]:
    """Return the ids of the instances whose status a test has set, which nothing else may change."""
    return state().held.keys() if active() else ()


# --- Actions of an administrator, which the audit shows -----------------------------------------------------


@audited("testSlowNextBackup", needs=Permission.MANAGE_USERS, resource="hook")
def slow_next_backup(*, bytes_per_second: int, requested_by: User | None) -> None:
    """Slow the next backup that begins down to so many bytes a second."""
    HookState.objects.update_or_create(pk=HookState.ONLY, defaults={"bytes_per_second": bytes_per_second})


@audited("testFailNextBackup", needs=Permission.MANAGE_USERS, resource="hook")
def fail_next_backup(*, percent: int, requested_by: User | None) -> None:
    """Make the next backup that begins fail at so many percent."""
    HookState.objects.update_or_create(pk=HookState.ONLY, defaults={"fail_at": percent})


@audited("testMoveClock", needs=Permission.MANAGE_USERS, resource="hook")
def move_clock(*, seconds: int, requested_by: User | None) -> None:
    """Move the clock of the automated backups forwards or backwards from where it is."""
    with transaction.atomic():
        row, _made = HookState.objects.select_for_update().get_or_create(pk=HookState.ONLY)
        farthest = int(FARTHEST.total_seconds())
        row.clock_seconds = max(-farthest, min(farthest, row.clock_seconds + seconds))
        row.save(update_fields=["clock_seconds"])


def describe(row: HookState) -> list[str]:
    """Return what the hooks do at the moment, as sentences."""
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
