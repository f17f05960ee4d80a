"""Backup: one archive of one instance, which it may outlive."""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from backups import refusals
from backups.choices import BackupMethod, BackupStatus, BackupType
from backups.models.policy import Policy
from console.lists.keys import NameKey, SizeKey
from console.text.days import Day
from console.text.ids import new_id
from console.text.sentences import SentenceField
from console.text.validators import NAME_MAX_LENGTH, description_validators, name_validators
from instances.choices import InstanceType
from instances.engines.base import Contents, Database
from instances.models import Host, Instance, Job


def new_backup_id() -> str:
    return new_id("br02")


class BackupQuerySet(models.QuerySet["Backup"]):
    def shown(self) -> Self:
        """With what a list shows of each, in the same query, and without what only the backup's own page does."""
        return self.select_related("host", "job", "verify_job", "instance__backup_policy", "instance__host").defer(
            "contents"
        )

    def automated(self) -> Self:
        return self.filter(type=BackupType.AUTOMATED)

    def manual(self) -> Self:
        return self.filter(type=BackupType.MANUAL)

    def in_progress(self) -> Self:
        return self.filter(status__in=[status for status in BackupStatus if status.in_progress])

    def being_made(self) -> Self:
        return self.filter(status=BackupStatus.BUILDING)

    def started_on(self, days: Sequence[Day]) -> list[int]:
        """For each of the days how many were started on it."""
        counts = {
            str(number): Count("pk", filter=Q(started__gte=day.start, started__lt=day.end))
            for number, day in enumerate(days)
        }
        return list(self.filter(started__gte=days[0].start).aggregate(**counts).values())

    def in_use(self) -> Self:
        """Those whose archive a restoration or a verification reads, or waits to read: they must stay."""
        return self.filter(uses__gt=0)

    def restorable(self) -> Self:
        return self.filter(status=BackupStatus.COMPLETED)

    def free(self) -> Self:
        """Those that nothing holds: not being made, deleted or restored, not locked."""
        return self.filter(status__in=[BackupStatus.COMPLETED, BackupStatus.FAILED], locked=False, uses=0)

    def deletable(self) -> Self:
        """Those that people may delete now; Backup.delete_refusal says the same of one, with the reason."""
        off = Policy.objects.filter(instance=OuterRef("instance"), enabled=False)
        return self.free().filter(Q(type=BackupType.MANUAL) | Q(instance__isnull=True) | Exists(off))

    def expired(self, now: datetime) -> Self:
        """Automated ones that are not kept any longer.

        The newest Complete one of an instance stays as long as its policy is on: whatever fails, there is one.
        """
        off = Policy.objects.filter(instance=OuterRef("instance"), enabled=False)
        on = Q(instance__isnull=False) & ~Exists(off)
        good = Backup.objects.automated().filter(instance_uid=OuterRef("instance_uid"), status=BackupStatus.COMPLETED)
        newest = good.order_by("-started", "-id").values("pk")[:1]
        return self.free().automated().filter(expires__lte=now).exclude(on, pk__in=newest)


class Backup(models.Model):
    """A physical backup. The instance's facts are copied, so that it stays whole when the instance has gone."""

    id = models.CharField(primary_key=True, max_length=36, default=new_backup_id, editable=False)
    name = models.CharField(max_length=NAME_MAX_LENGTH, validators=name_validators)
    description = models.CharField(
        max_length=256, blank=True, validators=[*description_validators, ProhibitNullCharactersValidator()]
    )
    type = models.CharField(max_length=16, choices=BackupType.choices, default=BackupType.MANUAL)
    method = models.CharField(max_length=16, choices=BackupMethod.choices, default=BackupMethod.PHYSICAL)
    status = models.CharField(max_length=16, choices=BackupStatus.choices, default=BackupStatus.BUILDING)
    failure = SentenceField(blank=True)
    started = models.DateTimeField(default=timezone.now, editable=False)
    ended = models.DateTimeField(null=True, blank=True)
    # Of the archive, in bytes; null until it is whole.
    size = models.BigIntegerField(null=True, blank=True)
    # Of the files in the archive, in bytes.
    data_size = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    # What the server counted at the moment of the cut, as Contents.to_document() has it.
    contents = models.JSONField(default=list, blank=True)
    # The moment that all databases show, and how long writers waited for it.
    cut_at = models.DateTimeField(null=True, blank=True)
    pause_seconds = models.FloatField(null=True, blank=True)
    # When it came here, if the archive was made elsewhere.
    imported = models.DateTimeField(null=True, blank=True)
    # When an automated one stops being kept, by the policy of the moment it was made; null is never.
    expires = models.DateTimeField(null=True, blank=True)
    # Neither expires nor can be deleted.
    locked = models.BooleanField(default=False)

    instance = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.SET_NULL, related_name="backups")
    instance_uid = models.CharField(max_length=36)
    instance_name = models.CharField(max_length=NAME_MAX_LENGTH)
    instance_type = models.CharField(max_length=16, choices=InstanceType.choices)
    engine = models.CharField(max_length=32, blank=True)
    engine_version = models.CharField(max_length=32, blank=True)
    compatible_version = models.CharField(max_length=16, blank=True)
    storage_engine = models.CharField(max_length=32, blank=True)
    # The host whose agent makes it; with folder storage also where the archive is.
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    # The job that makes it, for its progress. Null for an archive that was made elsewhere.
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="backup")
    # The dialog's own number: submitting the same dialog twice makes one backup.
    request_key = models.UUIDField(null=True, blank=True, unique=True, default=uuid.uuid4, editable=False)

    # How many restorations and verifications need the archive now. A column, so that taking it into use and
    # deleting it are conditional UPDATEs of one row, of which one wins.
    uses = models.PositiveIntegerField(default=0, editable=False)

    # The last verification. `verified_at` is set if it succeeded, `verify_failure` if it failed.
    verifying = models.BooleanField(default=False, editable=False)
    verify_job = models.ForeignKey(
        Job, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    verify_failure = SentenceField(blank=True, editable=False)
    # What it counted: {"documents": n, "collections": n, "databases": {name: {collection: documents}}}.
    verification = models.JSONField(default=dict, blank=True, editable=False)

    objects = BackupQuerySet.as_manager()

    class Meta:
        ordering = ["-started", "-id"]
        indexes = [
            models.Index(fields=["-started", "-id"], name="backup_newest"),
            models.Index(fields=["instance_type", "-started", "-id"], name="backup_newest_of_type"),
            models.Index(fields=["instance_uid", "-started", "-id"], name="backup_newest_of_instance"),
            models.Index(NameKey("instance_name"), "started", "id", name="backup_newest_of_inst_name"),
            models.Index(fields=["status", "-started", "-id"], name="backup_newest_of_status"),
            models.Index(fields=["type", "-started", "-id"], name="backup_newest_of_kind"),
            models.Index(NameKey("name"), "id", name="backup_name"),
            models.Index(SizeKey("size"), "id", name="backup_size"),
            # For the sum of a host's archives, which never reads the rows themselves.
            models.Index(fields=["host", "size"], name="backup_sizes_of_host"),
            models.Index(fields=["host", "expires"], condition=Q(expires__isnull=False), name="backup_expiry"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(type__in=BackupType.values), name="backup_type_known"),
            models.CheckConstraint(condition=Q(status__in=BackupStatus.values), name="backup_status_known"),
            models.UniqueConstraint(
                fields=["instance"], condition=Q(status="BUILDING"), name="backup_one_at_a_time_per_instance"
            ),
            models.CheckConstraint(
                condition=~Q(status="COMPLETED") | Q(size__isnull=False, ended__isnull=False),
                name="backup_complete_has_size_and_end",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("backups:detail", args=[self.id])

    @property
    def state(self) -> BackupStatus:
        """The status as the member it is, with its label, tone and whether it is in progress."""
        return BackupStatus(self.status)

    @property
    def engine_label(self) -> str:
        """The engine and its version, as its server said; "" if it never did."""
        return f"{self.engine} {self.engine_version}".strip()

    @property
    def databases(self) -> tuple[Database, ...]:
        """What the archive holds; nothing before it is whole."""
        return Contents.from_document(self.contents).databases

    @property
    def duration(self) -> timedelta | None:
        """How long the making took; None while it runs, and of one that was made elsewhere."""
        if not self.ended or self.imported:
            return None
        # The clocks of two machines may differ.
        return max(self.ended - self.started, timedelta())

    @property
    def download_name(self) -> str:
        """What the archive and its files are called where somebody saves them."""
        return f"{re.sub(r'[^A-Za-z0-9_-]', '_', self.name)}-{self.archive_name}"

    @property
    def archive_name(self) -> str:
        """The archive's name in STORAGES["backups"]."""
        return f"{self.id}.tar.zst"

    @property
    def being_cancelled(self) -> bool:
        return self.state is BackupStatus.BUILDING and self.job is not None and bool(self.job.cancel_reason)

    @property
    def job_in_progress(self) -> Job | None:
        """The job that makes it, or verifies it, now."""
        if self.state is BackupStatus.BUILDING:
            return self.job
        return self.verify_job if self.verifying else None

    @property
    def in_transition(self) -> bool:
        """True if its row will change without anybody's doing."""
        return self.state.in_progress or self.verifying

    @property
    def in_use(self) -> bool:
        return self.uses > 0

    # Each is a sentence that says why the action is refused now; "" if it is possible.

    @property
    def download_refusal(self) -> str:
        return refusals.download(self)

    @property
    def cancel_refusal(self) -> str:
        return refusals.cancel(self)

    @property
    def host_refusal(self) -> str:
        return refusals.host(self)

    @property
    def delete_refusal(self) -> str:
        return refusals.delete(self)

    @property
    def use_refusal(self) -> str:
        return refusals.use(self)

    @property
    def edit_refusal(self) -> str:
        return refusals.edit(self)

    @property
    def lock_refusal(self) -> str:
        return refusals.lock(self)

    @property
    def unlock_refusal(self) -> str:
        return refusals.unlock(self)

    @property
    def restore_refusal(self) -> str:
        return refusals.restore(self)

    @property
    def original_refusal(self) -> str:
        return refusals.original(self)

    @property
    def verify_refusal(self) -> str:
        return refusals.verify(self)
