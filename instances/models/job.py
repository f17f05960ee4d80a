"""Job: a piece of work for one host's agent. The rows are the queue and the Task Center."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from console.lists.keys import NameKey
from console.text import clocks
from console.text.messages.fields import MessageField, ShortMessageField
from console.text.name_rule import NAME_MAX_LENGTH
from instances.choices import JobKind, JobStatus
from instances.models.host import Host, offline_after
from instances.models.instance import Instance
from instances.queue.pace import Reading


class JobQuerySet(models.QuerySet["Job"]):
    def shown(self) -> Self:
        """Join what a list shows of each job."""
        return self.select_related("instance", "requested_by")

    def of_page(self) -> Self:
        """Join what the page of one job shows."""
        return self.select_related("instance__host", "host", "requested_by", "record", "retry_of", "retry")

    def unended(self) -> Self:
        return self.filter(status__in=[status for status in JobStatus if status.in_progress])

    def running(self) -> Self:
        return self.filter(status=JobStatus.RUNNING)

    def failed_since(self, moment: datetime) -> Self:
        """Return the failed jobs created since `moment`, newest first.

        Jobs created in the future, by a clock that was wrong, are left out: they would hide others until then.
        """
        lately = self.filter(created__gte=moment, created__lte=clocks.latest(timezone.now()))
        return lately.filter(status=JobStatus.FAILED).order_by("-created", "-id")

    def wanted(self) -> Self:
        """Return the jobs that were not cancelled."""
        return self.filter(cancel_reason="")

    def leased_by(self, token: uuid.UUID) -> Self:
        """Return the running job whose lease is `token`; no job if another agent has ended it."""
        return self.running().filter(token=token)


class Job(models.Model):
    """A piece of work for one host's agent.

    The agent that runs the job has a lease, identified by `token`. If it does not renew the lease, other agents end the
    job.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32, choices=JobKind.choices)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="jobs")
    # Null for work without an instance, such as deleting a backup of a deleted instance.
    instance = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    instance_uid = models.CharField(max_length=36, blank=True)
    instance_name = models.CharField(max_length=NAME_MAX_LENGTH, blank=True)
    parameters = models.JSONField(default=dict)
    # A password for the agent, encrypted for this job and removed when the job ends.
    secret = models.TextField(blank=True, editable=False)
    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)
    # The progress of the current step, as pace.Reading; empty if the step reports no amount.
    detail = models.JSONField(default=dict)
    failure = MessageField(blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)
    # The reason to end the job early, which the job reads at its next report; empty if the job should go on.
    cancel_reason = ShortMessageField(max_length=256, blank=True)
    # Null if the console itself requested the job.
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    token = models.UUIDField(null=True, blank=True, unique=True)
    # By the clock of the job's agent. Other agents only check that it changes; a running job without it never expires.
    lease_until = models.DateTimeField(null=True, blank=True)
    # True if the job failed because its agent ended.
    interrupted = models.BooleanField(default=False)
    # True from the job's end until its host has removed the files that the job may have left.
    left_behind = models.BooleanField(default=False)

    # The backup that the job is about, if it still exists. The Task Center sets it.
    backup_row: models.Model | None = None

    # The job that this one does again. A job is retried at most once; then its retry can be retried.
    retry_of = models.OneToOneField("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retry")

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(fields=["host", "created"], condition=Q(status="Queued"), name="job_queue"),
            models.Index(fields=["lease_until"], condition=Q(status="Running"), name="job_leases"),
            models.Index(fields=["host"], condition=Q(left_behind=True), name="job_left_behind"),
            models.Index(fields=["requested_by", "ended"], name="job_of_user_by_end"),
            models.Index(fields=["-created", "-id"], name="job_newest"),
            models.Index(fields=["status", "-created", "-id"], name="job_newest_of_status"),
            models.Index(fields=["kind", "-created", "-id"], name="job_newest_of_kind"),
            models.Index(fields=["instance_uid", "-created", "-id"], name="job_newest_of_instance"),
            models.Index(NameKey("instance_name"), "created", "id", name="job_newest_of_inst_name"),
            models.Index(fields=["-created", "-id"], condition=Q(interrupted=True), name="job_newest_interrupted"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["instance"], condition=Q(status="Running"), name="job_one_running_per_instance"
            ),
            models.CheckConstraint(condition=Q(kind__in=JobKind.values), name="job_kind_known"),
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status_known"),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_progress_percent"),
            models.CheckConstraint(
                condition=Q(secret="") | Q(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]),
                name="job_ended_without_secret",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.id}"

    def get_absolute_url(self) -> str:
        return reverse("backups:task", args=[self.pk])

    @property
    def shown_status(self) -> JobStatus:
        """The status as pages show it, with its label and tone."""
        return JobStatus(self.status)

    @property
    def called(self) -> str:
        """The name that pages announce: the kind and the instance."""
        return f"{self.get_kind_display()} ({self.instance_name})" if self.instance_name else self.get_kind_display()

    @property
    def is_settling(self) -> bool:
        """True while the job runs or its agent may still add to its record: then its page refreshes itself."""
        recently = self.ended is not None and timezone.now() - self.ended < timedelta(minutes=1)
        return self.shown_status.in_progress or (self.left_behind and recently)

    @property
    def is_cancelled(self) -> bool:
        return self.status == JobStatus.CANCELLED

    @property
    def job_in_progress(self) -> Self | None:
        """The job itself while it runs, else None. Backup and Restoration have a property of the same name."""
        return self if self.status == JobStatus.RUNNING else None

    @property
    def reading(self) -> Reading | None:
        """The progress of the running job's step; without speed and time left if the agent has stopped reporting."""
        reading = Reading.from_json(self.detail) if self.status == JobStatus.RUNNING else None
        age = timezone.now().timestamp() - reading.at if reading else 0.0
        if reading and not -clocks.TOLERANCE.total_seconds() <= age <= offline_after().total_seconds():
            return replace(reading, speed=None, left=None)
        return reading

    @property
    def is_at_last_step(self) -> bool:
        """True if `reading` is about the job's last step."""
        return self.kind == JobKind.BACKUP

    @property
    def duration(self) -> timedelta | None:
        """How long the job ran; None if it has not ended or never started."""
        # The clock may have been set back meanwhile.
        return max(self.ended - self.started, timedelta()) if self.ended and self.started else None
