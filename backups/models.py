"""Backup: one archive of one instance, which it may outlive. Restoration: what was made of one, and how it went."""

import re
import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from backups.choices import BackupMethod, BackupStatus, BackupType, RestorationStatus, RestorationWay
from backups.manifest import Database
from console.ids import new_id
from console.lists import NameKey, SizeKey
from console.validators import NAME_MAX_LENGTH, description_validators, name_validators
from instances.choices import InstanceType
from instances.models import Host, Instance, Job


def new_backup_id() -> str:
    return new_id("br02")


class BackupQuerySet(models.QuerySet["Backup"]):
    def shown(self) -> Self:
        """With what a list shows of each, in the same query, and without what only the backup's own page does."""
        return self.select_related("job", "instance", "verify_job").defer("contents")

    def automated(self) -> Self:
        return self.filter(type=BackupType.AUTOMATED)

    def manual(self) -> Self:
        return self.filter(type=BackupType.MANUAL)

    def in_progress(self) -> Self:
        return self.filter(status__in=[status for status in BackupStatus if status.in_progress])

    def in_use(self) -> Self:
        """Those whose archive a restoration or a verification reads, or waits to read: they must stay."""
        return self.filter(uses__gt=0)

    def restorable(self) -> Self:
        return self.filter(status=BackupStatus.COMPLETED)


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
    failure = models.TextField(blank=True)
    started = models.DateTimeField(default=timezone.now, editable=False)
    ended = models.DateTimeField(null=True, blank=True)
    # Of the archive, in bytes; null until it is whole.
    size = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    # What the archive's manifest says of its databases, as manifest.Manifest.contents has it.
    contents = models.JSONField(default=list, blank=True)
    # The moment that all databases show, and how long writers waited for it.
    cut_at = models.DateTimeField(null=True, blank=True)
    pause_seconds = models.FloatField(null=True, blank=True)
    # When it came here, if the archive was made elsewhere.
    imported = models.DateTimeField(null=True, blank=True)

    instance = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.SET_NULL, related_name="backups")
    instance_uid = models.CharField(max_length=36)
    instance_name = models.CharField(max_length=NAME_MAX_LENGTH)
    instance_type = models.CharField(max_length=16, choices=InstanceType.choices)
    engine = models.CharField(max_length=32, blank=True)
    engine_version = models.CharField(max_length=32, blank=True)
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
    verify_failure = models.TextField(blank=True, editable=False)
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
    def databases(self) -> tuple[Database, ...]:
        """What the archive holds; nothing before it is whole."""
        return tuple(Database.from_document(document) for document in self.contents)

    @property
    def duration(self) -> timedelta | None:
        """How long the making took; None while it runs, and of one that was made elsewhere."""
        return self.ended - self.started if self.ended and not self.imported else None

    @property
    def download_name(self) -> str:
        """What the archive and its files are called where somebody saves them."""
        return f"{re.sub(r'[^A-Za-z0-9_-]', '_', self.name)}-{self.archive_name}"

    @property
    def download_refusal(self) -> str:
        """Why the archive cannot be downloaded now, in a sentence; empty if it can."""
        if self.state is BackupStatus.COMPLETED:
            return ""
        return _("Only a Complete backup can be downloaded. This one is: %(status)s.") % {"status": self.state.label}

    @property
    def archive_name(self) -> str:
        """The archive's name in STORAGES["backups"]."""
        return f"{self.id}.tar.zst"

    @property
    def progress(self) -> int:
        """Percent, as the job that makes it last reported."""
        return self.job.progress if self.job else 0

    @property
    def pages_copied(self) -> int:
        return self.job.detail.get("pages", 0) if self.job else 0

    @property
    def pages_total(self) -> int:
        return self.job.detail.get("pages_total", 0) if self.job else 0

    @property
    def bytes_written(self) -> int:
        return self.job.detail.get("bytes", 0) if self.job else 0

    @property
    def in_transition(self) -> bool:
        """True if its row will change without anybody's doing."""
        return self.state.in_progress or self.verifying

    @property
    def in_use(self) -> bool:
        return self.uses > 0

    @property
    def use_refusal(self) -> str:
        """Why the backup cannot be deleted because of who uses it, in a sentence; empty if nobody does."""
        if not self.in_use:
            return ""
        return _("The backup is being restored or verified. Wait until that has ended.")

    @property
    def restore_refusal(self) -> str:
        """Why the backup cannot be restored, in a sentence; empty if it can."""
        if self.state is BackupStatus.COMPLETED:
            return ""
        return _("Only a Complete backup can be restored. This one is: %(status)s.") % {"status": self.state.label}

    @property
    def original_refusal(self) -> str:
        """Why the backup cannot be restored to the instance it is of now, in a sentence; empty if it can."""
        if self.instance is None:
            return _("The instance of this backup has been deleted. Restore it to a new instance.")
        return self.restore_refusal or self.instance.restore_refusal

    @property
    def verify_refusal(self) -> str:
        """Why the backup cannot be verified now, in a sentence; empty if it can."""
        if self.state is not BackupStatus.COMPLETED:
            return _("Only a Complete backup can be verified. This one is: %(status)s.") % {"status": self.state.label}
        return _("The backup is being verified already.") if self.verifying else ""

    @property
    def verify_progress(self) -> int:
        return self.verify_job.progress if self.verify_job else 0


class RestorationQuerySet(models.QuerySet["Restoration"]):
    def shown(self) -> Self:
        """With what a list shows of each, in the same query."""
        return self.select_related("job", "requested_by")

    def of(self, instance: Instance) -> Self:
        """Those from the instance's backups, and those into it."""
        return self.filter(Q(source_uid=instance.id) | Q(target_uid=instance.id))


class Restoration(models.Model):
    """One restoration of a backup. The facts are copied, so that it stays when backup and instances have gone."""

    backup = models.ForeignKey(Backup, null=True, blank=True, on_delete=models.SET_NULL, related_name="restorations")
    backup_uid = models.CharField(max_length=36)
    backup_name = models.CharField(max_length=NAME_MAX_LENGTH)
    source_uid = models.CharField(max_length=36)
    source_name = models.CharField(max_length=NAME_MAX_LENGTH)
    target = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.SET_NULL, related_name="restorations")
    target_uid = models.CharField(max_length=36)
    target_name = models.CharField(max_length=NAME_MAX_LENGTH)
    way = models.CharField(max_length=16, choices=RestorationWay.choices)
    # Made by the same job before the present data went: only on the way to the original.
    safety_backup = models.ForeignKey(Backup, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=16, choices=RestorationStatus.choices, default=RestorationStatus.RUNNING)
    failure = models.TextField(blank=True)
    started = models.DateTimeField(default=timezone.now, editable=False)
    ended = models.DateTimeField(null=True, blank=True)
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="restoration")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The dialog's own number: submitting the same dialog twice restores once.
    request_key = models.UUIDField(null=True, blank=True, unique=True, editable=False)

    objects = RestorationQuerySet.as_manager()

    class Meta:
        ordering = ["-started", "-id"]
        indexes = [
            models.Index(fields=["source_uid", "-started", "-id"], name="restoration_newest_of_source"),
            models.Index(fields=["target_uid", "-started", "-id"], name="restoration_newest_of_target"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(way__in=RestorationWay.values), name="restoration_way_known"),
            models.CheckConstraint(condition=Q(status__in=RestorationStatus.values), name="restoration_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.backup_name} > {self.target_name}"

    @property
    def state(self) -> RestorationStatus:
        """The status as the member it is, with its label, tone and whether it is in progress."""
        return RestorationStatus(self.status)

    @property
    def progress(self) -> int:
        """Percent, as its job last reported."""
        return self.job.progress if self.job else 0
