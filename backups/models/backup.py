"""Backup: one archive of one instance. It remains when the instance is deleted."""

import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, When
from django.urls import reverse
from django.utils import timezone

from backups import refusals
from backups.choices import BackupMethod, BackupStatus, BackupType
from backups.models.policy import Policy
from console.lists.keys import NameKey, SizeKey
from console.text import clocks
from console.text.changes import Values
from console.text.days import Day
from console.text.description_rule import description_validators
from console.text.ids import new_id
from console.text.messages.fields import MessageField
from console.text.name_rule import NAME_MAX_LENGTH, name_validators
from instances.choices import InstanceType, JobKind
from instances.engines.base import ONE_MOMENT, Contents, Database
from instances.models import Host, Instance, Job


def new_backup_id() -> str:
    return new_id("br02")


# The condition of Complete backups whose archive is known to be missing or damaged. While a backup is being deleted, it
# keeps its damage, in case the deletion fails. If the condition were an equal status, SQLite would use the index on the
# status and read all Complete backups.
DAMAGED = Q(damage__gt="") & ~Q(status__in=[status for status in BackupStatus if status != BackupStatus.COMPLETED])


class BackupQuerySet(models.QuerySet["Backup"]):
    def shown(self) -> Self:
        """Join the rows that a list shows with each backup; defer the contents, which only the backup's page shows."""
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
        """Return the number of backups started on each day."""
        counts = {
            str(number): Count("pk", filter=Q(started__gte=day.start, started__lt=day.end))
            for number, day in enumerate(days)
        }
        return list(self.filter(started__gte=days[0].start).aggregate(**counts).values())

    def in_use(self) -> Self:
        """Return the backups whose archive a restoration or a verification reads or will read."""
        return self.filter(uses__gt=0)

    def restorable(self) -> Self:
        return self.filter(status=BackupStatus.COMPLETED)

    def damaged(self) -> Self:
        """Return the Complete backups whose archive is known to be missing or damaged."""
        return self.filter(DAMAGED)

    def whole(self) -> Self:
        """Return the Complete backups whose archive is not known to be missing or damaged."""
        return self.restorable().filter(damage="")

    def best_first(self) -> Self:
        """Order backups by whether their archive is known to be missing or damaged, then from the newest to the oldest.

        A start in the future says nothing about which backup is the newest.
        """
        damaged = Case(When(damage__gt="", then=1), default=0)
        unknown = Case(When(started__gt=clocks.latest(timezone.now()), then=1), default=0)
        return self.order_by(damaged, unknown, "-started", "-id")

    def free(self) -> Self:
        """Return the backups that are not being made, deleted, restored or verified, and not locked."""
        return self.exclude(status__in=[BackupStatus.BUILDING, BackupStatus.DELETING]).filter(locked=False, uses=0)

    def deletable(self) -> Self:
        """Return the backups that users can delete now. Backup.delete_refusal applies the same rule to one backup."""
        off = Policy.objects.filter(instance=OuterRef("instance"), enabled=False)
        return self.free().filter(Q(type=BackupType.MANUAL) | Q(instance__isnull=True) | Exists(off))

    def expired(self, now: datetime) -> Self:
        """Return the automated backups whose retention is over.

        While an instance's policy is on, its best Complete backup is kept, in case all later backups fail.
        """
        off = Policy.objects.filter(instance=OuterRef("instance"), enabled=False)
        on = Q(instance__isnull=False) & ~Exists(off)
        complete = Backup.objects.restorable().automated().filter(instance_uid=OuterRef("instance_uid"))
        best = complete.best_first().values("pk")[:1]
        return self.free().automated().filter(expires__lte=now).exclude(on, pk__in=best)

    def kept_after_expiry(self, shown: Iterable["Backup"], now: datetime) -> set[str]:
        """Return the ids of those backups that have expired, but that expired() keeps for their instance."""
        over = {each.pk for each in shown if each.expires and each.expires <= now and each.can_expire}
        return over - set(self.expired(now).filter(pk__in=over).values_list("pk", flat=True)) if over else over


class Backup(models.Model):
    """A backup, with its own copy of the instance's facts because the instance may be deleted first."""

    id = models.CharField(primary_key=True, max_length=36, default=new_backup_id, editable=False)
    name = models.CharField(max_length=NAME_MAX_LENGTH, validators=name_validators)
    description = models.CharField(max_length=256, blank=True, validators=description_validators)
    type = models.CharField(max_length=16, choices=BackupType.choices, default=BackupType.MANUAL)
    method = models.CharField(max_length=16, choices=BackupMethod.choices, default=BackupMethod.PHYSICAL)
    # Whether the archive shows all databases at one moment: see engines.base.CONSISTENCIES.
    consistency = models.CharField(max_length=16, default=ONE_MOMENT)
    status = models.CharField(max_length=16, choices=BackupStatus.choices, default=BackupStatus.BUILDING)
    failure = MessageField(blank=True)
    started = models.DateTimeField(default=timezone.now, editable=False)
    ended = models.DateTimeField(null=True, blank=True)
    # The archive's size in bytes; null until it is complete.
    size = models.BigIntegerField(null=True, blank=True)
    # The size of the files in the archive, in bytes.
    data_size = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    # The server's counts at the moment of the cut: see Contents.to_document().
    contents = models.JSONField(default=list, blank=True)
    # The moment of the cut, and how long the cut paused writers.
    cut_at = models.DateTimeField(null=True, blank=True)
    pause_seconds = models.FloatField(null=True, blank=True)
    # When the archive was imported, if it was made elsewhere.
    imported = models.DateTimeField(null=True, blank=True)
    # When an automated backup expires, under the policy in force when it was made. Null: never.
    expires = models.DateTimeField(null=True, blank=True)
    # The original value of `expires` while `started` is in the future because a clock was wrong: see mend_expiry().
    expires_by_start = models.DateTimeField(null=True, blank=True, editable=False)
    # A locked backup does not expire and cannot be deleted.
    locked = models.BooleanField(default=False)

    instance = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.SET_NULL, related_name="backups")
    instance_uid = models.CharField(max_length=36)
    instance_name = models.CharField(max_length=NAME_MAX_LENGTH)
    instance_type = models.CharField(max_length=16, choices=InstanceType.choices)
    engine = models.CharField(max_length=32, blank=True)
    engine_version = models.CharField(max_length=32, blank=True)
    compatible_version = models.CharField(max_length=16, blank=True)
    storage_engine = models.CharField(max_length=32, blank=True)
    # The host whose agent makes the backup; with folder storage the archive stays there.
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    # The job that makes the backup. Null for an imported archive.
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="backup")
    # The id of the dialog that requested the backup: submitting the dialog twice makes only one backup.
    request_key = models.UUIDField(null=True, blank=True, unique=True, default=uuid.uuid4, editable=False)

    # The number of restorations and verifications that need the archive now. It is a column so that both using and
    # deleting the archive are conditional UPDATEs of the same row, and only one of them can succeed.
    uses = models.PositiveIntegerField(default=0, editable=False)

    # The last verification. `verified_at` is set if it succeeded, `verify_failure` if it failed.
    verifying = models.BooleanField(default=False, editable=False)
    verify_job = models.ForeignKey(
        Job, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    verify_failure = MessageField(blank=True, editable=False)
    # The verification's counts: {"documents": n, "collections": n, "databases": {name: {collection: documents}}}, and
    # "lacking": the indexes and options of a logical backup that the console's own server does not have.
    verification = models.JSONField(default=dict, blank=True, editable=False)
    # Why the archive of a Complete backup is known to be missing or damaged: see damage.py. Verify clears it.
    damage = MessageField(blank=True, editable=False)

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
            # Lets the database sum the sizes of a host's archives without reading the rows.
            models.Index(fields=["host", "size"], name="backup_sizes_of_host"),
            models.Index(fields=["-started", "-id"], condition=Q(damage__gt=""), name="backup_newest_damaged"),
            models.Index(fields=["host", "expires"], condition=Q(expires__isnull=False), name="backup_expiry"),
            models.Index(fields=["host"], condition=Q(expires_by_start__isnull=False), name="backup_expiry_changed"),
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
    def editable(self) -> Values:
        """The values that users can edit."""
        return {"label.description": self.description}

    @property
    def shown_status(self) -> BackupStatus:
        """The status as people read it: with its label and tone."""
        return BackupStatus(self.status)

    @property
    def engine_label(self) -> str:
        """Engine and version as the server reported them; "" if it never did."""
        return f"{self.engine} {self.engine_version}".strip() if self.engine else ""

    @property
    def databases(self) -> tuple[Database, ...]:
        """The databases in the archive; empty until the archive is complete."""
        return Contents.from_document(self.contents).databases

    @property
    def duration(self) -> timedelta | None:
        """The time that making the backup took; None while it runs, and for an imported archive."""
        if not self.ended or self.imported:
            return None
        # Start and end may come from the clocks of two machines.
        return max(self.ended - self.started, timedelta())

    @property
    def download_name(self) -> str:
        """The file name of a download: the backup's name, then the archive's."""
        return f"{re.sub(r'[^A-Za-z0-9_-]', '_', self.name)}-{self.archive_name}"

    @property
    def archive_name(self) -> str:
        """The archive's name in STORAGES["backups"]."""
        return f"{self.id}.tar.zst"

    @property
    def is_logical(self) -> bool:
        """True for a dump of an existing deployment, False for a copy of a server's files."""
        return self.method == BackupMethod.LOGICAL

    @property
    def is_one_moment(self) -> bool:
        """True if the archive shows all databases at one moment."""
        return self.consistency == ONE_MOMENT

    @property
    def is_deleting(self) -> bool:
        return self.status == BackupStatus.DELETING

    @property
    def is_cancelled(self) -> bool:
        return self.status == BackupStatus.CANCELLED

    @property
    def being_cancelled(self) -> bool:
        return self.status == BackupStatus.BUILDING and self.job is not None and bool(self.job.cancel_reason)

    @property
    def is_final(self) -> bool:
        """True for the backup that is made before its instance is deleted."""
        return self.job is not None and self.job.kind == JobKind.DELETE_INSTANCE

    @property
    def job_in_progress(self) -> Job | None:
        """The job that makes or verifies the backup now."""
        if self.status == BackupStatus.BUILDING:
            return self.job
        return self.verify_job if self.verifying else None

    @property
    def in_transition(self) -> bool:
        """True if a page has to refresh the backup, because its status will change without user action."""
        return self.shown_status.in_progress or self.verifying

    @property
    def in_use(self) -> bool:
        return self.uses > 0

    @property
    def can_expire(self) -> bool:
        """True for a Complete automated backup that retention may delete: BackupQuerySet.free() has the same rule."""
        complete = self.status == BackupStatus.COMPLETED and self.type == BackupType.AUTOMATED
        return complete and not self.locked and not self.in_use

    # Each property returns a sentence that says why the action is refused now; "" if the action is possible.

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
    def deployment_refusal(self) -> str:
        return refusals.deployment(self)

    @property
    def verify_refusal(self) -> str:
        return refusals.verify(self)
