"""Restoration: a record of one restore of a backup to an instance."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from backups.choices import RestorationStatus, RestorationWay
from backups.models.backup import Backup
from console.text.messages.fields import MessageField
from console.text.name_rule import NAME_MAX_LENGTH
from instances.models import Instance, Job


class RestorationQuerySet(models.QuerySet["Restoration"]):
    def shown(self) -> Self:
        """Join the rows that a list shows with each restoration."""
        return self.select_related("job", "requested_by")

    def of(self, instance: Instance) -> Self:
        """Return the restorations of the instance's backups, and the restorations to the instance."""
        return self.filter(Q(source_uid=instance.id) | Q(target_uid=instance.id))


class Restoration(models.Model):
    """One restoration, with its own copy of names and ids because the backup and the instances may be deleted."""

    backup = models.ForeignKey(Backup, null=True, blank=True, on_delete=models.SET_NULL, related_name="restorations")
    backup_uid = models.CharField(max_length=36)
    backup_name = models.CharField(max_length=NAME_MAX_LENGTH)
    source_uid = models.CharField(max_length=36)
    source_name = models.CharField(max_length=NAME_MAX_LENGTH)
    target = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.SET_NULL, related_name="restorations")
    target_uid = models.CharField(max_length=36)
    target_name = models.CharField(max_length=NAME_MAX_LENGTH)
    way = models.CharField(max_length=16, choices=RestorationWay.choices)
    # The backup of the target's data that the same job made first. Only for Restore to Original.
    safety_backup = models.ForeignKey(Backup, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=16, choices=RestorationStatus.choices, default=RestorationStatus.RUNNING)
    failure = MessageField(blank=True)
    # What a Complete restoration could not bring back.
    note = MessageField(blank=True)
    started = models.DateTimeField(default=timezone.now, editable=False)
    ended = models.DateTimeField(null=True, blank=True)
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="restoration")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The id of the dialog that requested the restoration: submitting the dialog twice restores only once.
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
    def is_to_original(self) -> bool:
        return self.way == RestorationWay.ORIGINAL

    @property
    def is_to_deployment(self) -> bool:
        return self.way == RestorationWay.DEPLOYMENT

    @property
    def job_in_progress(self) -> Job | None:
        return self.job if self.shown_status.in_progress else None

    @property
    def shown_status(self) -> RestorationStatus:
        """The status as people read it: with its label and tone."""
        return RestorationStatus(self.status)
