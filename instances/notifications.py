"""Notifications that users read when jobs have ended."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.web.started import key_of
from instances.choices import JobKind, JobStatus
from instances.models import Job

# If more jobs have ended, one notification sums up the rest.
_SHOWN_AT_ONCE = 4


@dataclass(frozen=True)
class Notification:
    """One message. `url` is the page of its backup, instance or task; `tone` is "ok", "neutral" or "bad"."""

    message: str
    tone: str
    url: str
    # The jobs that it is about, by the keys of console.web.started.
    keys: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        shown = {"message": self.message, "tone": self.tone, "url": self.url, "link": _("Show")}
        return {**shown, "keys": self.keys}


def is_finished_deletion(job: Job) -> bool:
    return job.kind == JobKind.DELETE_BACKUP and job.status == JobStatus.COMPLETED


def notifications_of(ended: Iterable[Job]) -> list[Notification]:
    """Return one notification for each job, oldest first. Sum up several deletions, and jobs beyond the first few.

    If there are too many jobs, failed jobs keep their own notifications first.
    """
    jobs = sorted(ended, key=lambda job: job.ended or timezone.now())
    deletions = [job for job in jobs if is_finished_deletion(job)]
    single = [job for job in jobs if len(deletions) == 1 or not is_finished_deletion(job)]
    shown = single
    if len(single) > _SHOWN_AT_ONCE:
        shown = sorted(single, key=lambda job: job.status != JobStatus.FAILED)[:_SHOWN_AT_ONCE]
    notifications = [replace(_notification_of(job), keys=_keys([job])) for job in shown]
    tasks = reverse("instances:tasks")
    if len(deletions) > 1:
        text = ngettext("%d backup is deleted.", "%d backups are deleted.", len(deletions)) % len(deletions)
        notifications.append(Notification(text, "ok", tasks, _keys(deletions)))
    if more := len(single) - len(shown):
        rest = [job for job in single if job not in shown]
        failed = any(job.status == JobStatus.FAILED for job in rest)
        text = ngettext("%d more task has ended.", "%d more tasks have ended.", more) % more
        notifications.append(Notification(text, "bad" if failed else "ok", tasks, _keys(rest)))
    return notifications


def _keys(jobs: Iterable[Job]) -> tuple[str, ...]:
    return tuple(key_of(job.id) for job in jobs)


def _notification_of(job: Job) -> Notification:
    names = {
        "backup": job.parameters.get("backup_name", ""),
        "instance": job.instance.name if job.instance else job.instance_name,
        "task": job.get_kind_display(),
        "reason": job.failure,
    }
    kind, url = JobKind(job.kind), _page_of(job)
    if job.status == JobStatus.COMPLETED:
        return Notification(_filled_in(_completed(kind), _("Task “%(task)s” is completed."), names), "ok", url)
    if job.status == JobStatus.CANCELLED:
        text = _("Backup “%(backup)s” is cancelled.") if kind is JobKind.BACKUP else _("Task “%(task)s” is cancelled.")
        return Notification(_filled_in(text, _("Task “%(task)s” is cancelled."), names), "neutral", url)
    if job.requested_by_id is None:
        text = _("Automated backup “%(backup)s” of “%(instance)s” failed: %(reason)s") % names
        return Notification(text, "bad", url)
    return Notification(_filled_in(_failed(kind), _("Task “%(task)s” failed: %(reason)s"), names), "bad", url)


def _filled_in(text: str, without_backup: str, names: dict[str, str]) -> str:
    """Fill the names into `text`, or into `without_backup` if `text` names a backup and the job does not."""
    return (text if names["backup"] or "%(backup)s" not in text else without_backup) % names


def _completed(kind: JobKind) -> str:
    return {
        JobKind.CREATE_INSTANCE: _("Instance “%(instance)s” is created."),
        JobKind.DELETE_INSTANCE: _("Instance “%(instance)s” is deleted."),
        JobKind.RESTART: _("Instance “%(instance)s” is restarted."),
        JobKind.RESET_PASSWORD: _("The password of instance “%(instance)s” is reset."),
        JobKind.BACKUP: _("Backup “%(backup)s” is complete."),
        JobKind.DELETE_BACKUP: _("Backup “%(backup)s” is deleted."),
        JobKind.RESTORE_NEW: _("Backup “%(backup)s” is restored to the new instance “%(instance)s”."),
        JobKind.RESTORE_ORIGINAL: _("Instance “%(instance)s” is restored to backup “%(backup)s”."),
        JobKind.RESTORE_DEPLOYMENT: _("Backup “%(backup)s” is restored to “%(instance)s”."),
        JobKind.VERIFY: _("Backup “%(backup)s” is verified."),
        JobKind.TEST_STORAGE: _("The storage works."),
        JobKind.TEST_CONNECTION: _("The connection to “%(instance)s” works."),
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
        JobKind.RESTORE_DEPLOYMENT: _("Restoring backup “%(backup)s” to “%(instance)s” failed: %(reason)s"),
        JobKind.VERIFY: _("Verifying backup “%(backup)s” failed: %(reason)s"),
        JobKind.TEST_STORAGE: _("The storage does not work: %(reason)s"),
        JobKind.TEST_CONNECTION: _("The connection to “%(instance)s” does not work: %(reason)s"),
    }[kind]


_ABOUT_A_BACKUP = {JobKind.BACKUP, JobKind.DELETE_BACKUP, JobKind.VERIFY}


def _page_of(job: Job) -> str:
    """Return the URL of the job's backup or instance; of its task if that explains more or they are deleted."""
    if job.status != JobStatus.COMPLETED:
        return job.get_absolute_url()
    if job.kind in _ABOUT_A_BACKUP and "backup" in job.parameters and not is_finished_deletion(job):
        return reverse("backups:detail", args=[job.parameters["backup"]])
    if job.kind == JobKind.RESTORE_ORIGINAL and job.instance:
        return reverse("backups:instance", args=[job.instance.id])
    if job.instance:
        return job.instance.get_absolute_url()
    return job.get_absolute_url()
