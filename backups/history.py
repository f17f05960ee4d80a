"""Record the history that charts show as it happens, so that no page has to count a million rows."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Count, F, Sum

from backups.choices import BackupStatus
from backups.models import Backup, BackupTally, DataSample, StorageSample
from instances.models import Instance

SAMPLE_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=60)
# A backup that is being deleted was complete before.
_COUNTED_AS = {
    BackupStatus.COMPLETED: "completed",
    BackupStatus.DELETING: "completed",
    BackupStatus.FAILED: "failed",
}


def quarter(moment: datetime) -> datetime:
    """Return the start of the moment's quarter of an hour."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def hour(moment: datetime) -> datetime:
    """Return the start of the moment's hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def note_ends(backups: Sequence[Backup]) -> None:
    """Count backups that have just ended. Call this in the transaction that writes their final status."""
    ended = [backup for backup in backups if backup.status in _COUNTED_AS]
    counts = Counter((quarter(backup.started), _COUNTED_AS[BackupStatus(backup.status)]) for backup in ended)
    for (start, column), count in sorted(counts.items()):
        BackupTally.objects.get_or_create(quarter=start)
        BackupTally.objects.filter(quarter=start).update(**{column: F(column) + count})
    for uid in sorted({backup.instance_uid for backup in ended if backup.status == BackupStatus.COMPLETED}):
        note_newest(uid)


def note_newest(instance_uid: str) -> None:
    """Store on the instance the start time of its newest Complete backup whose archive is not known to be damaged.

    Call this in the transaction that changes which backup is the newest.
    """
    # A concurrent transaction waits here, and then sees what the first one wrote.
    instance = Instance.objects.select_for_update().filter(pk=instance_uid).only("last_backup_at").first()
    if instance is None:
        return
    complete = Backup.objects.whole().filter(instance_uid=instance_uid, imported__isnull=True)
    newest = complete.best_first().values_list("started", flat=True).first()
    if newest != instance.last_backup_at:
        Instance.objects.filter(pk=instance_uid).update(last_backup_at=newest)


def sample_storage(host: str, now: datetime) -> None:
    """Store the bytes of the host's archives and data once a minute. The agent calls this every few seconds."""
    lately = StorageSample.objects.filter(hour=hour(now), host=host, taken__gt=now - SAMPLE_EVERY, taken__lte=now)
    # A start takes its first sample before any server has answered, so take another soon.
    if lately.filter(data__isnull=False).exists():
        return
    archives = Backup.objects.filter(host=host).aggregate(bytes=Sum("size"))["bytes"] or 0
    measured = Instance.objects.filter(host=host).aggregate(bytes=Sum("storage_bytes"), instances=Count("pk"))
    data = measured["bytes"] if measured["instances"] else 0
    taken = {"taken": now, "archives": archives, "data": data}
    _sample, begun = StorageSample.objects.update_or_create(host_id=host, hour=hour(now), defaults=taken)
    if begun:
        sample_data(host, now)
        forget(now)


def sample_data(host: str, now: datetime) -> None:
    """Store the bytes of the data of each of the host's instances, in place of the day's earlier sample."""
    known = Instance.objects.filter(host=host).order_by("pk")
    DataSample.objects.bulk_create(
        [
            DataSample(instance_uid=uid, day=now.astimezone(UTC).date(), taken=now, data=size)
            for uid, size in known.values_list("pk", "storage_bytes")
            if size is not None
        ],
        batch_size=500,
        update_conflicts=True,
        unique_fields=["instance_uid", "day"],
        update_fields=["taken", "data"],
    )


def forget(now: datetime) -> None:
    """Delete the samples and counts that are too old for any page."""
    StorageSample.objects.filter(hour__lt=now - KEPT).delete()
    BackupTally.objects.filter(quarter__lt=now - KEPT).delete()
    DataSample.objects.filter(day__lt=(now - KEPT).date()).delete()
