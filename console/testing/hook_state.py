"""What tests have asked for: that the next backup is slow or fails, that the clock is moved, that a status is held.

Nothing of it exists unless settings.TEST_HOOKS is on, which takes CONSOLE_TEST_HOOKS=1 and a loopback address. Web and
agent meet in one row. The code that a hook steers asks here: each function answers as without hooks, and without
asking the database, when they are off.
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

# The clock is moved within what a database and a calendar can say.
FARTHEST = timedelta(days=3650)


@dataclass(frozen=True)
class NextBackup:
    """How a backup is made: 0 bytes per second is no limit of its own, 0 percent is to the end."""

    bytes_per_second: int = 0
    fail_at: int = 0


def active() -> bool:
    return bool(settings.TEST_HOOKS)


def state() -> HookState:
    """What has been asked for; nothing, if the hooks are off."""
    return (HookState.objects.first() if active() else None) or HookState()


def now() -> datetime:
    """The time that the schedule of automated backups goes by."""
    moved = state().clock_seconds if active() else 0
    return timezone.now() + timedelta(seconds=moved)


def take_next_backup() -> NextBackup:
    """What the backup that begins now is to do, which is that backup's alone."""
    if not active():
        return NextBackup()
    with transaction.atomic():
        row = HookState.objects.select_for_update().first() or HookState()
        HookState.objects.filter(pk=row.pk).update(bytes_per_second=0, fail_at=0)
    return NextBackup(row.bytes_per_second, row.fail_at)


def held() -> Collection[str]:
    """The ids of the instances whose status is a test's, so that nothing else changes it."""
    return state().held.keys() if active() else ()


# --- What tests ask for: an administrator's actions, as the audit shows them --------------------------------


@audited("testSlowNextBackup", needs=Permission.MANAGE_USERS, resource="hook")
def slow_next_backup(*, bytes_per_second: int, requested_by: User | None) -> None:
    """The next backup that begins reads and writes so many bytes a second, by the throttle of the setting."""
    HookState.objects.update_or_create(pk=HookState.ONLY, defaults={"bytes_per_second": bytes_per_second})


@audited("testFailNextBackup", needs=Permission.MANAGE_USERS, resource="hook")
def fail_next_backup(*, percent: int, requested_by: User | None) -> None:
    """The next backup that begins fails when it has come so far."""
    HookState.objects.update_or_create(pk=HookState.ONLY, defaults={"fail_at": percent})


@audited("testMoveClock", needs=Permission.MANAGE_USERS, resource="hook")
def move_clock(*, seconds: int, requested_by: User | None) -> None:
    """Move the clock of the automated backups on, or back, from where it is."""
    with transaction.atomic():
        row, _made = HookState.objects.select_for_update().get_or_create(pk=HookState.ONLY)
        farthest = int(FARTHEST.total_seconds())
        row.clock_seconds = max(-farthest, min(farthest, row.clock_seconds + seconds))
        row.save(update_fields=["clock_seconds"])


def describe(row: HookState) -> list[str]:
    """What the hooks do at the moment, in sentences."""
    told = []
    if row.bytes_per_second:
        told.append(_("The next backup is slowed down to %d bytes per second.") % row.bytes_per_second)
    if row.fail_at:
        told.append(_("The next backup fails at %d %%.") % row.fail_at)
    if row.clock_seconds:
        told.append(_("The clock of the automated backups is moved by %s.") % _hours(row.clock_seconds))
    if row.held:
        told.append(_("Instances whose status is held: %d.") % len(row.held))
    return told


def _hours(seconds: int) -> str:
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{abs(seconds) // 3600}:{abs(seconds) % 3600 // 60:02} h"
