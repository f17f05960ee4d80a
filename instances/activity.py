"""What a user is told wherever in the console they are: own work that runs, what has ended, missed agents.

Told is the end of what the user asked for and, since nobody asked for it, the failure of every automated backup.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.contrib.auth.models import User
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from instances import hosts
from instances.choices import JobKind, JobStatus
from instances.models import Host, Job

# An end may be written by another host's clock, and be seen later than one that came after it.
_OVERLAP = timedelta(seconds=30)
# Who was away for longer is told what happened lately.
_LONGEST = timedelta(days=1)
# More at once are summed up.
_TOASTS = 4
_JOBS = 500
# As the index has it.
_UNENDED = Q(ended=None)


@dataclass(frozen=True)
class Cursor:
    """Up to where a browser has been told: the ends since then, except those of these jobs (the beginnings of ids)."""

    since: datetime
    told: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "~".join([str(int(self.since.timestamp() * 1000)), *sorted(self.told)])

    @classmethod
    def parse(cls, text: str, now: datetime) -> Self:
        """What cannot be read begins now."""
        moment, *told = text.split("~")
        try:
            since = datetime.fromtimestamp(int(moment) / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return cls(now)
        return cls(min(max(since, now - _LONGEST), now), frozenset(told))

    def is_old(self, now: datetime) -> bool:
        return now - self.since > 2 * _OVERLAP

    def covers(self, job: Job) -> bool:
        return _key(job) in self.told


def _key(job: Job) -> str:
    return job.id.hex[:12]


@dataclass(frozen=True)
class Activity:
    """What every page shows: how much of the user's own work goes on, and the hosts whose agent is missed.

    No agent at all is missed too.
    """

    running: int
    # Of how many instances the server is down: lists look again when that changes.
    down: int
    missed: list[Host]
    no_agent: bool

    @property
    def version(self) -> str:
        shown = [self.running, self.down, self.no_agent, *((host.name, host.seen) for host in self.missed)]
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Toast:
    message: str
    tone: str
    url: str


def activity_of(user: User, now: datetime) -> Activity:
    """In one query, since every page asks it; in two once a second."""
    return _activity(Job.objects.filter(_UNENDED, requested_by=user).count(), hosts.shown(), now)


def _activity(running: int, shown: list[Host], now: datetime) -> Activity:
    offline = [host for host in shown if not host.is_online(now)]
    missed = [host for host in offline if host.is_needed or len(offline) == len(shown)]
    return Activity(running, shown[0].down if shown else 0, missed, no_agent=not shown)


def news_for(user: User, cursor: Cursor, now: datetime) -> tuple[Activity, list[Toast], Cursor]:
    """The activity, what has ended since the cursor, and the cursor that follows."""
    lately = Q(ended__gte=cursor.since)
    # Each of the three is a range of one index.
    mine = Q(_UNENDED, requested_by=user) | Q(lately, requested_by=user)
    automated = Q(lately, requested_by=None, kind=JobKind.BACKUP, status=JobStatus.FAILED)
    jobs = list(Job.objects.filter(mine | automated).select_related("instance").order_by()[:_JOBS])
    running = [job for job in jobs if job.ended is None]
    ended = [job for job in jobs if job.ended and not cursor.covers(job)]
    # Deletions come by the dozen: they are told together, when the last one has ended.
    deleting = any(job.kind == JobKind.DELETE_BACKUP for job in running)
    held = [job.ended for job in ended if _is_deletion(job) and job.ended] if deleting else []
    ended = [job for job in ended if not (deleting and _is_deletion(job))]
    since = min([max(cursor.since, now - _OVERLAP), *held])
    known = {_key(job) for job in jobs if job.ended and job.ended >= since and (cursor.covers(job) or job in ended)}
    return _activity(len(running), hosts.shown(), now), _toasts(ended), Cursor(since, frozenset(known))


def _is_deletion(job: Job) -> bool:
    return job.kind == JobKind.DELETE_BACKUP and job.status == JobStatus.COMPLETED


def _toasts(ended: Iterable[Job]) -> list[Toast]:
    """The latest last; of more than a few the failures, and how many more there are."""
    jobs = sorted(ended, key=lambda job: job.ended or timezone.now())
    deletions = [job for job in jobs if _is_deletion(job)]
    single = [job for job in jobs if len(deletions) == 1 or not _is_deletion(job)]
    shown = (
        sorted(single, key=lambda job: job.status != JobStatus.FAILED)[:_TOASTS] if len(single) > _TOASTS else single
    )
    toasts = [_toast(job) for job in shown]
    tasks = reverse("instances:tasks")
    if len(deletions) > 1:
        said = ngettext("%d backup is deleted.", "%d backups are deleted.", len(deletions)) % len(deletions)
        toasts.append(Toast(said, "ok", tasks))
    if more := len(single) - len(shown):
        failed = any(job.status == JobStatus.FAILED for job in single if job not in shown)
        said = ngettext("%d more task has ended.", "%d more tasks have ended.", more) % more
        toasts.append(Toast(said, "bad" if failed else "ok", tasks))
    return toasts


def _toast(job: Job) -> Toast:
    names = {
        "backup": job.parameters.get("backup_name", ""),
        "instance": job.instance.name if job.instance else job.instance_name,
        "task": job.get_kind_display(),
        "reason": job.failure,
    }
    if job.status == JobStatus.COMPLETED:
        return Toast(_told(_done(JobKind(job.kind)), _("Task “%(task)s” is completed."), names), "ok", _place(job))
    if job.cancel_reason and job.kind == JobKind.BACKUP:
        return Toast(_("Backup “%(backup)s” is cancelled.") % names, "warn", _place(job))
    if job.requested_by_id is None:
        return Toast(
            _("Automated backup “%(backup)s” of “%(instance)s” failed: %(reason)s") % names, "bad", _place(job)
        )
    said = _told(_failed(JobKind(job.kind)), _("Task “%(task)s” failed: %(reason)s"), names)
    return Toast(said, "bad", _place(job))


def _told(text: str, without_backup: str, names: dict[str, str]) -> str:
    """`text` with the names in it; the other one if it would name a backup that the job has no name of."""
    return (text if names["backup"] or "%(backup)s" not in text else without_backup) % names


def _done(kind: JobKind) -> str:
    return {
        JobKind.CREATE_INSTANCE: _("Instance “%(instance)s” is created."),
        JobKind.DELETE_INSTANCE: _("Instance “%(instance)s” is deleted."),
        JobKind.RESTART: _("Instance “%(instance)s” is restarted."),
        JobKind.RESET_PASSWORD: _("The password of instance “%(instance)s” is reset."),
        JobKind.BACKUP: _("Backup “%(backup)s” is complete."),
        JobKind.DELETE_BACKUP: _("Backup “%(backup)s” is deleted."),
        JobKind.RESTORE_NEW: _("Backup “%(backup)s” is restored to the new instance “%(instance)s”."),
        JobKind.RESTORE_ORIGINAL: _("Instance “%(instance)s” is restored to backup “%(backup)s”."),
        JobKind.VERIFY: _("Backup “%(backup)s” is verified."),
    }[kind]


def _failed(kind: JobKind) -> str:
    return {
        JobKind.CREATE_INSTANCE: _("Creating instance “%(instance)s” failed: %(reason)s"),
        JobKind.DELETE_INSTANCE: _("Deleting instance “%(instance)s” failed: %(reason)s"),
        JobKind.RESTART: _("Restarting instance “%(instance)s” failed: %(reason)s"),
        JobKind.RESET_PASSWORD: _("Resetting the password of instance “%(instance)s” failed: %(reason)s"),
        JobKind.BACKUP: _("Backup “%(backup)s” failed: %(reason)s"),
        JobKind.DELETE_BACKUP: _("Deleting backup “%(backup)s” failed: %(reason)s"),
        JobKind.RESTORE_NEW: _("Restoring backup “%(backup)s” to “%(instance)s” failed: %(reason)s"),
        JobKind.RESTORE_ORIGINAL: _("Restoring “%(instance)s” to backup “%(backup)s” failed: %(reason)s"),
        JobKind.VERIFY: _("Verifying backup “%(backup)s” failed: %(reason)s"),
    }[kind]


# Where what came of it is shown; of everything else it is the instance.
_SHOWN_ON_BACKUP = {JobKind.BACKUP, JobKind.DELETE_BACKUP, JobKind.VERIFY}


def _place(job: Job) -> str:
    """The page of what the job was about, or the task if that has gone."""
    done = job.status == JobStatus.COMPLETED
    if job.kind in _SHOWN_ON_BACKUP and "backup" in job.parameters and not (done and job.kind == JobKind.DELETE_BACKUP):
        return reverse("backups:detail", args=[job.parameters["backup"]])
    if job.kind == JobKind.RESTORE_ORIGINAL and job.instance:
        return reverse("backups:instance", args=[job.instance.id])
    if job.instance:
        return job.instance.get_absolute_url()
    return f"{reverse('instances:tasks')}?q={job.id}"


def described(toast: Toast) -> dict[str, Any]:
    """As the script of the pages takes it."""
    return {"message": toast.message, "tone": toast.tone, "url": toast.url, "link": _("Show")}
