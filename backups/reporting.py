"""Report to the channels and the bell what happened to backups. Jobs call this in the transaction that ends them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from backups.choices import BackupType, RestorationStatus
from backups.models import Backup, Restoration
from console.notifications import events
from console.notifications.choices import EventKind
from console.text.messages import Message
from instances.models import Instance, Job

# Report at most this many instances at once; the next call continues.
AT_ONCE = 100
CHECK_EVERY = timedelta(minutes=1)


def backup_failed(job: Job, reason: str) -> None:
    """Report that the job could not make its backup."""
    backup = Backup.objects.filter(job=job).first()
    if backup is None:
        return
    code = "event.automated_failed" if backup.type == BackupType.AUTOMATED else "event.backup_failed"
    message = Message(code, backup=backup.name, instance=backup.instance_name, reason=reason)
    events.report(EventKind.BACKUP_FAILED, message, path=backup.get_absolute_url())


def backup_completed(job: Job) -> None:
    """Report the job's backup if it is an automated one."""
    backup = Backup.objects.filter(job=job).first()
    if backup and backup.type == BackupType.AUTOMATED:
        message = Message("event.automated_complete", backup=backup.name, instance=backup.instance_name)
        events.report(EventKind.AUTOMATED_BACKUP, message, path=backup.get_absolute_url())


def verification_failed(backup: Backup, reason: str) -> None:
    message = Message("event.verification_failed", backup=backup.name, instance=backup.instance_name, reason=reason)
    events.report(EventKind.VERIFICATION_FAILED, message, path=backup.get_absolute_url())


def restoration_ended(restoration: Restoration, status: RestorationStatus, reason: str) -> None:
    """Report a restoration that is done or has failed."""
    names = {"backup": restoration.backup_name, "instance": restoration.target_name}
    path = reverse("backups:instance", args=[restoration.target_uid])
    if status == RestorationStatus.COMPLETED:
        events.report(EventKind.RESTORE_DONE, Message("event.restore_done", **names), path=path)
    elif status == RestorationStatus.FAILED:
        message = Message("event.restore_failed", **names, reason=reason)
        events.report(EventKind.RESTORE_FAILED, message, path=path)


class UnprotectedCheck:
    """Reports each instance without a Complete backup for CONSOLE_UNPROTECTED_HOURS: once until it has one again."""

    def __init__(self) -> None:
        self._next: datetime | None = None

    def __call__(self, now: datetime) -> None:
        """Check once a minute. The agent calls this every few seconds; several agents report an instance once."""
        hours = settings.CONSOLE_UNPROTECTED_HOURS
        if not hours or (self._next and self._next - CHECK_EVERY <= now < self._next):
            return
        self._next = now + CHECK_EVERY
        late = Instance.objects.without_backup_since(now - timedelta(hours=hours))
        lasting = events.lasting_of(EventKind.UNPROTECTED)
        still = {_unprotected(id) for id in late.filter(pk__in=map(_id_in, lasting)).values_list("pk", flat=True)}
        events.end(*(set(lasting) - still))
        for instance in late.exclude(pk__in=map(_id_in, still))[:AT_ONCE]:
            message = Message("event.unprotected", instance=instance.name, hours=hours)
            path = reverse("backups:instance", args=[instance.pk])
            events.report(EventKind.UNPROTECTED, message, path=path, lasting=_unprotected(instance.pk))


def _unprotected(instance_id: str) -> str:
    return f"unprotected:{instance_id}"


def _id_in(lasting: str) -> str:
    return lasting.removeprefix("unprotected:")
