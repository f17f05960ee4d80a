"""The backups, policies and restorations that `manage.py seed` makes.

Each Complete backup has an archive, unless the command runs with --no-archives.
"""

import errno
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from backups import archive
from backups.choices import BackupStatus, BackupType, RestorationStatus, RestorationWay, Weekday
from backups.history import hour
from backups.jobs.archiving import manifest_of
from backups.models import EVERY_DAY, Backup, Policy, Restoration, StorageSample, weekdays_text
from backups.names import AUTOMATED, timed_name
from backups.policy import schedule
from backups.services.create import new_backup
from backups.services.restore import new_restoration
from backups.storage.base import archive_storage
from console.testing.seed import instances as seeding
from console.testing.seed.console import Seed
from console.testing.seed.instances import Instances
from console.testing.seed.samples import Sample
from console.text.messages import Message
from instances import engines
from instances.choices import InstanceType, JobKind, JobStatus
from instances.engines.base import Cut
from instances.models import Host, Instance, Job

_DAYS_KEPT = 732
# The maximum age of the seeded backups, and the longest interval between two of them.
_SPAN, _APART = timedelta(days=60), timedelta(hours=7)
_MANUAL = ("before-upgrade", "before-migration", "weekly-copy", "month-end", "release-candidate", "for-the-auditors")
_DESCRIPTIONS = ("", "", "Kept for the auditors", "Before the schema change", "Requested by support")


def _interrupted() -> str:
    return Message("agent.stopped")


def _disk_full() -> str:
    return Message("archive.unwritable", why=os.strerror(errno.ENOSPC))


@dataclass(frozen=True)
class Drawn:
    """A backup and the job that made it, both unsaved."""

    backup: Backup
    job: Job


class Drawing:
    """Draws backups one by one. Each backup depends only on the seed and on its own number."""

    def __init__(self, seed: Seed, samples: dict[str, Sample], user: User | None) -> None:
        self.seed, self.user = seed, user
        self.cuts = {kind: sample.cut for kind, sample in samples.items()}
        self.contents = {kind: cut.contents().to_document() for kind, cut in self.cuts.items()}

    def of(self, instances: list[Instance], count: int) -> Iterator[Drawn]:
        """Yield `count` backups of the instances in turn, newest first: manual and automated, Complete and Failed."""
        step = min(_APART, _SPAN / max(count, 1))
        for number in range(count):
            chance = self.seed.chance("backup", number)
            instance = instances[number % len(instances)]
            automated, failed = chance.random() < 0.5, number % 10 == 7
            started = max(self.seed.now - step * (number + 1) + step / 2 * chance.random(), instance.created)
            status = BackupStatus.FAILED if failed else BackupStatus.COMPLETED
            yield self.backup(
                instance,
                number,
                at=started.replace(microsecond=0),
                status=status,
                automated=automated,
                name=f"{chance.choice(_MANUAL)}-{number + 1:02}",
                description="" if automated else chance.choice(_DESCRIPTIONS),
                locked=not automated and not failed and number % 9 == 2,
                failure=chance.choice((_interrupted, _disk_full))() if failed else "",
                seconds=2 + 30 * chance.random(),
            )

    def backup(
        self,
        instance: Instance,
        *what: object,
        at: datetime,
        name: str,
        status: BackupStatus = BackupStatus.COMPLETED,
        automated: bool = False,
        seconds: float = 3,
        **fields: object,
    ) -> Drawn:
        """Return one backup of the instance; the instance may have been deleted since."""
        job_status = {
            BackupStatus.COMPLETED: JobStatus.COMPLETED,
            BackupStatus.FAILED: JobStatus.FAILED,
            BackupStatus.CANCELLED: JobStatus.CANCELLED,
            BackupStatus.BUILDING: JobStatus.RUNNING,
            BackupStatus.DELETING: JobStatus.QUEUED,
        }[status]
        failure = str(fields.get("failure", ""))
        kind = JobKind.DELETE_BACKUP if status is BackupStatus.DELETING else JobKind.BACKUP
        job = seeding.job(
            self.seed,
            kind,
            instance if kind is JobKind.BACKUP else None,
            *what,
            at=at,
            status=job_status,
            seconds=seconds,
            host=instance.host,
            failure=failure,
            interrupted=failure == _interrupted(),
            requested_by=None if automated else self.user,
        )
        made = new_backup(
            instance,
            id=self.seed.id("br02", "backup", *what),
            name=timed_name(AUTOMATED, instance.name, at) if automated else name,
            type=BackupType.AUTOMATED if automated else BackupType.MANUAL,
            expires=schedule.expires(at, _DAYS_KEPT) if automated else None,
            status=status,
            started=at,
            ended=None if status is BackupStatus.BUILDING else at + timedelta(seconds=0.4 + seconds),
            instance=instance,
            job=job,
            request_key=None,
        )
        job.parameters = {"backup": made.id}
        for field, value in fields.items():
            setattr(made, field, value)
        if status in {BackupStatus.COMPLETED, BackupStatus.DELETING}:
            cut = self.cuts[made.instance_type]
            made.contents = self.contents[made.instance_type]
            made.cut_at = _cut_at(made)
            made.pause_seconds = cut.pause_seconds
            # An estimate of the compressed size, until the archive is stored.
            made.size = cut.bytes // 4
            made.data_size = cut.bytes
        return Drawn(made, job)

    def store(self, backup: Backup) -> None:
        """Write the archive of the backup, and set the backup's size and digest."""
        cut, storage = replace(self.cuts[backup.instance_type], at=_cut_at(backup)), archive_storage()
        # Remove an archive without a row that a killed seeding left.
        storage.delete(backup.archive_name)
        written = archive.write(
            storage,
            backup.archive_name,
            manifest_of(backup, cut),
            cut.members,
            cut.contents,
            progress=lambda read, written: None,
        )
        backup.size, backup.sha256 = written.size, written.sha256


def _cut_at(backup: Backup) -> datetime:
    return backup.started + timedelta(seconds=0.5)


def unstore(backups: list[Backup]) -> None:
    """Undo store() for these backups."""
    for backup in backups:
        with suppress(OSError):
            archive_storage().delete(backup.archive_name)


def policies(seed: Seed, instances: Instances) -> Iterator[Policy]:
    """Yield a policy for each instance, turned off."""
    for number, instance in enumerate(instances.all):
        chance = seed.chance("policy", number)
        policy = Policy.default(instance, enabled=False)
        policy.start_hour = chance.randrange(24)
        policy.keep_days = chance.choice((3, 7, 14, 30, 732))
        few = weekdays_text(chance.sample(Weekday.values, 3))
        policy.weekdays = few if policy.keep_days >= 7 and chance.random() < 0.5 else EVERY_DAY
        policy.next_window = schedule.first_window(policy.schedule, seed.now)
        yield policy


def retired(seed: Seed, here: Host) -> Instance:
    """Return a deleted instance, as its backups remember it."""
    return Instance(
        id=seed.id("in02", "retired"),
        name="retired-01",
        type=InstanceType.REPLICA_SET,
        host=here,
        engine=engines.embedded().name,
    )


def special(drawing: Drawing, instances: Instances, gone: Instance) -> dict[str, Drawn]:
    """Return one backup of each special kind, by name."""
    seed, others = drawing.seed, instances.others
    gone.engine_version = others["abnormal"].engine_version
    gone.compatible_version = others["abnormal"].compatible_version
    gone.storage_engine = others["abnormal"].storage_engine
    busy = [others["backing-up"], others["checking-restoration"], others["restoring"], others["restarting"]]
    made = [
        drawing.backup(others["abnormal"], "of-abnormal", at=seed.ago(days=3), name="last-of-abnormal"),
        drawing.backup(others["restoration-failed"], "of-failed", at=seed.ago(days=4), name="last-of-failed"),
        drawing.backup(gone, "of-retired", at=seed.ago(days=9), name="kept-of-retired", description="The last one"),
        drawing.backup(busy[0], "building", at=seed.ago(hours=3), name="in-progress", status=BackupStatus.BUILDING),
        drawing.backup(
            others["abnormal"],
            "cancelled",
            at=seed.ago(days=3.5),
            name="given-up",
            status=BackupStatus.CANCELLED,
            failure=Message("backup.cancelled_by", name="full-access"),
        ),
        drawing.backup(busy[3], "deleting", at=seed.ago(days=5), name="going-away", status=BackupStatus.DELETING),
        drawing.backup(busy[1], "restoring-new", at=seed.ago(days=6), name="being-restored", uses=1),
        drawing.backup(busy[2], "restoring-old", at=seed.ago(days=6.5), name="being-put-back", uses=1),
        drawing.backup(busy[2], "verifying", at=seed.ago(days=7), name="being-verified", uses=1, verifying=True),
    ]
    named = {drawn.backup.name: drawn for drawn in made}
    kept = named["kept-of-retired"]
    kept.backup.instance = kept.job.instance = None
    running = named["in-progress"].job
    running.progress, running.detail = 42, {"pages": 640, "pages_total": 640, "bytes": 1_048_576}
    return named


def samples(seed: Seed, instances: Instances, cuts: dict[str, Cut]) -> Iterator[StorageSample]:
    """Yield a sample of this host's storage for each of the last days, with the current size of the instances' data."""
    here = instances.real[0].host
    data = sum(cuts[instance.type].bytes for instance in instances.real)
    rows = Backup.objects.filter(host=here, size__isnull=False).order_by().values_list("ended", "size")
    ended: Counter[int] = Counter()
    for moment, size in rows.iterator():
        ended[max((seed.now - moment).days, 0) if moment else 0] += size or 0
    for age in range(1, _SPAN.days):
        taken = seed.ago(days=age)
        archives = sum(size for days, size in ended.items() if days >= age)
        yield StorageSample(host=here, hour=hour(taken), taken=taken, archives=archives, data=data)


def stored(drawn: Drawn) -> bool:
    """Return whether the backup gets an archive here. Backups of the host without an agent do not."""
    return drawn.backup.status == BackupStatus.COMPLETED and drawn.backup.host_id != seeding.AWAY


class Past:
    """Past work on backups: the unsaved tasks and restorations."""

    def __init__(self, seed: Seed, instances: Instances, user: User | None) -> None:
        self.seed, self.instances, self.user = seed, instances, user
        self.jobs: list[Job] = []
        self.restorations: list[Restoration] = []

    def restored(
        self,
        backup: Backup,
        target: Instance,
        way: RestorationWay,
        *,
        hours: float,
        status: JobStatus = JobStatus.COMPLETED,
        failure: str = "",
    ) -> None:
        """Add a restoration from this many hours ago. A target that is not a seeded instance has since been deleted."""
        there = target if target in self.instances.all else None
        to_new = way is RestorationWay.NEW
        job = self._job(
            JobKind.RESTORE_NEW if to_new else JobKind.RESTORE_ORIGINAL,
            backup,
            hours=hours,
            status=status,
            failure=failure,
            host=target.host,
            instance=there,
            instance_uid=target.id,
            instance_name=target.name,
            parameters={"source": backup.instance_uid if to_new else "", "backup": backup.id},
        )
        self.restorations.append(
            new_restoration(
                backup,
                target,
                target=there,
                way=way,
                status=RestorationStatus[status.name],
                failure=failure,
                started=job.created,
                ended=job.ended,
                job=job,
                requested_by=self.user,
            )
        )

    def done(
        self,
        kind: JobKind,
        backup: Backup,
        *,
        hours: float,
        status: JobStatus = JobStatus.COMPLETED,
        failure: str = "",
    ) -> Job:
        """Add a verification or a deletion from this many hours ago."""
        return self._job(
            kind,
            backup,
            hours=hours,
            status=status,
            failure=failure,
            host=backup.host,
            parameters={"backup": backup.id},
        )

    def _job(
        self, kind: JobKind, backup: Backup, *, hours: float, status: JobStatus, failure: str, **fields: Any
    ) -> Job:
        job = seeding.job(
            self.seed,
            kind,
            fields.pop("instance", None),
            "past",
            status,
            at=self.seed.ago(hours=hours),
            status=status,
            failure=failure,
            interrupted=failure == _interrupted(),
            requested_by=self.user,
            **fields,
        )
        self.jobs.append(job)
        return job


def past(seed: Seed, first: list[Drawn], named: dict[str, Drawn], instances: Instances, user: User | None) -> Past:
    """Return restorations, verifications and deletions of every outcome. `first` holds the newest ordinary backups."""
    done = Past(seed, instances, user)
    others, (new, original) = instances.others, (RestorationWay.NEW, RestorationWay.ORIGINAL)
    running, failed = JobStatus.RUNNING, JobStatus.FAILED
    backups = {name: drawn.backup for name, drawn in named.items()}
    verifying, lost = backups["being-verified"], others["restoration-failed"]
    done.restored(backups["being-restored"], others["being-restored-to"], new, hours=2.6, status=running)
    done.restored(backups["being-put-back"], others["restoring"], original, hours=2.5, status=running)
    verifying.verify_job = done.done(JobKind.VERIFY, verifying, hours=2.4, status=running)
    done.restored(backups["last-of-failed"], lost, original, hours=20, status=failed, failure=lost.failure)
    complete = [drawn.backup for drawn in first if drawn.backup.status == BackupStatus.COMPLETED]
    if complete:
        newest, oldest = complete[0], complete[-1]
        here = oldest.host
        kept, broken = (
            Instance(id=seed.id("in02", name), name=name, host=here) for name in ("copy-since-deleted", "copy-failed")
        )
        assert oldest.instance
        done.restored(oldest, kept, new, hours=30)
        done.restored(oldest, oldest.instance, original, hours=28)
        done.restored(newest, broken, new, hours=26, status=failed, failure=_interrupted())
        _verified(newest, done.done(JobKind.VERIFY, newest, hours=1))
        done.done(JobKind.VERIFY, oldest, hours=22, status=failed, failure=_interrupted())
        done.done(JobKind.DELETE_BACKUP, oldest, hours=50)
        broke = Message("archive.undeletable", why=os.strerror(errno.EIO))
        done.done(JobKind.DELETE_BACKUP, oldest, hours=48, status=failed, failure=broke)
    return done


def _verified(backup: Backup, job: Job) -> None:
    counted = {
        database.name: {each.name: each.documents for each in database.collections} for database in backup.databases
    }
    backup.verify_job, backup.verified_at = job, job.ended
    backup.verification = {
        "documents": sum(sum(collections.values()) for collections in counted.values()),
        "collections": sum(len(collections) for collections in counted.values()),
        "databases": counted,
    }
