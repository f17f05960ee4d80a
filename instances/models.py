"""Instance, Host and Job: what there is, where it runs, and what is being done to it."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan
from django.urls import reverse
from django.utils import timezone

from console.lists.keys import NameKey
from console.text import times
from console.text.ids import new_id
from console.text.sentences import SentenceField, ShortSentenceField
from console.text.sentences import sentence as _
from console.text.validators import NAME_MAX_LENGTH, name_validators
from instances.choices import (
    STATUS_OF_ACTION,
    STATUS_OF_STATE,
    STOPS_SERVER,
    Action,
    InstanceType,
    JobKind,
    JobStatus,
    State,
    Status,
)
from instances.queue.pace import Reading


def offline_after() -> timedelta:
    """A host whose agent has not been heard of for this long is offline: three of its signs of life are missing."""
    return timedelta(seconds=min(15.0, settings.CONSOLE_LEASE_SECONDS))


def new_instance_id() -> str:
    return new_id("in02")


class HostQuerySet(models.QuerySet["Host"]):
    def offline(self, now: datetime) -> Self:
        """Those whose agent was heard of, and is not any more."""
        return self.filter(seen__lte=now - offline_after())

    def online(self, now: datetime) -> Self:
        return self.filter(seen__gt=now - offline_after())

    def with_need(self) -> Self:
        """With `is_needed`: whether they have instances or unended work."""
        instances = Exists(Instance.objects.filter(host=OuterRef("pk")))
        # By their status, which few jobs have: of a host there may be a million that have ended.
        work = Q(pk__in=Job.objects.unended().values("host"))
        return self.annotate(is_needed=ExpressionWrapper(instances | work, output_field=models.BooleanField()))


class Host(models.Model):
    """A machine whose agent runs instances. `seen` is the agent's last sign of life."""

    name = models.CharField(max_length=64, primary_key=True)
    # Null as long as its agent is expected: before its first start, and while `up` starts it.
    seen = models.DateTimeField(null=True, blank=True)
    # The one agent that runs it now, by a word of its own; empty when none does. See hosts.py.
    agent = models.CharField(max_length=32, blank=True)
    # What its agent last found of the backups' storage: the bytes that are free, if there is a limit, and why none
    # can be written there; when nothing is wrong, nothing.
    storage_free = models.BigIntegerField(null=True, blank=True)
    storage_failure = SentenceField(blank=True)
    storage_checked = models.DateTimeField(null=True, blank=True)
    # Where its instances listen, as listening.Listening has it.
    db_address = models.CharField(max_length=255, default="127.0.0.1")
    db_tls = models.BooleanField(default=False)
    db_alias = models.BooleanField(default=False)

    # Where with_need() was asked for, and where hosts.shown() was.
    is_needed: bool
    down: int

    objects = HostQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def is_online(self, now: datetime) -> bool:
        return self.seen is not None and now - self.seen < offline_after()

    @property
    def offline_since(self) -> datetime | None:
        """When its agent was last heard of, if it is not any more."""
        return self.seen if self.seen and not self.is_online(timezone.now()) else None

    @property
    def refusal(self) -> str:
        """Why its agent can do nothing now, in a sentence; empty if it can, or is expected."""
        since = self.offline_since
        if since is None:
            return ""
        return _(
            "The host %(host)s is offline: its agent was last heard of on %(since)s. Start it, then try again."
        ) % {
            "host": self.name,
            "since": times.moment(times.local(since)),
        }


# What instances are sorted by to find those that have gone longest without a backup: one that never had any counts from
# its creation.
LAST_BACKUP = Coalesce(F("last_backup_at"), F("created"))


def is_available() -> Q:
    """Of instances: that they can be worked on."""
    return Q(state=State.AVAILABLE, action=Action.NONE)


def shows_status(status: Status) -> Q:
    """Of instances: that they show the status, by the work in progress, else by the state."""
    actions = [action for action, shown in STATUS_OF_ACTION.items() if shown is status]
    states = [state for state, shown in STATUS_OF_STATE.items() if shown is status]
    return Q(action__in=actions) if actions else Q(action=Action.NONE, state__in=states)


class InstanceQuerySet(models.QuerySet["Instance"]):
    def shown(self) -> Self:
        """With what a list shows of each, in the same query."""
        return self.select_related("host")

    def available(self) -> Self:
        """Those that can be worked on: the one meaning of the status Available."""
        return self.filter(is_available())

    def idle(self) -> Self:
        """Those that no operation is running on, whatever their state."""
        return self.filter(action=Action.NONE).exclude(state=State.CREATING)

    def down(self) -> Self:
        """Those whose server should answer and does not: Instance.is_down says the same of one."""
        return self.filter(shows_status(Status.ABNORMAL) | shows_status(Status.RESTORE_FAILED))

    def by_status(self) -> dict[Status, int]:
        """How many show each status that is shown at all, in the order of the statuses.

        Most are Available: those are what the others leave of all, so that only the others are counted one by one.
        """
        at_rest = Q(action=Action.NONE, state__in=[state for state in State if state is not State.AVAILABLE])
        counts = dict.fromkeys(Status, 0)
        for others in (self.filter(action__gt=Action.NONE), self.filter(at_rest)):
            for row in others.order_by().values("action", "state").annotate(instances=Count("pk")):
                counts[Instance(action=row["action"], state=row["state"]).status] += row["instances"]
        # One may have come to rest between the queries.
        counts[Status.AVAILABLE] = max(self.count() - sum(counts.values()), 0)
        return {status: count for status, count in counts.items() if count}

    def faulty(self) -> Self:
        """Those whose creation or restoration failed, or whose server does not answer, in an index's order."""
        bad = [state for state, status in STATUS_OF_STATE.items() if status.tone == "bad"]
        return self.filter(action=Action.NONE, state__in=bad).order_by("state", "-created", "-id")

    def to_protect(self) -> Self:
        """Those whose data should be backed up: they have been created and are not being deleted."""
        return self.exclude(state__in=[State.CREATING, State.CREATION_FAILED]).exclude(action=Action.DELETE)

    def longest_without_backup(self) -> Self:
        return self.to_protect().order_by(LAST_BACKUP, "id")

    def without_backup_since(self, moment: datetime) -> Self:
        """Those that are older than the moment and have no Complete backup that was started later."""
        return self.to_protect().filter(LessThan(LAST_BACKUP, Value(moment)))

    def with_running_server(self) -> Self:
        """Those whose server answers, and that no work is in progress on that stops it."""
        return self.filter(state=State.AVAILABLE).exclude(action__in=STOPS_SERVER)

    def restartable(self) -> Self:
        """Those with a server that should run, and no operation running on them."""
        return self.filter(action=Action.NONE, state__in=[State.AVAILABLE, State.ABNORMAL], port__isnull=False)


class Instance(models.Model):
    """A database instance: one server process with its data directory and port on one host."""

    id = models.CharField(primary_key=True, max_length=36, default=new_instance_id, editable=False)
    name = models.CharField(max_length=NAME_MAX_LENGTH, validators=name_validators)
    type = models.CharField(max_length=16, choices=InstanceType.choices)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="instances")
    port = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.CREATING)
    action = models.CharField(max_length=32, choices=Action.choices, default=Action.NONE, blank=True)
    failure = SentenceField(blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    # Whether its administrator has a password; None if a backup decides, which the console does not look into.
    password_set = models.BooleanField(null=True, default=False, editable=False)

    # The dialog's own number: submitting the same dialog twice makes one instance.
    request_key = models.UUIDField(null=True, blank=True, unique=True, editable=False)

    # What the agent last learnt from the server itself, and when.
    engine = models.CharField(max_length=32, blank=True)
    engine_version = models.CharField(max_length=32, blank=True)
    storage_engine = models.CharField(max_length=32, blank=True)
    compatible_version = models.CharField(max_length=16, blank=True)
    storage_bytes = models.BigIntegerField(null=True, blank=True)
    documents = models.BigIntegerField(null=True, blank=True)
    connections = models.IntegerField(null=True, blank=True)
    started = models.DateTimeField(null=True, blank=True)
    facts_at = models.DateTimeField(null=True, blank=True)

    # When the newest Complete backup that it has was started: kept here, so that lists can sort by it.
    last_backup_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = InstanceQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(fields=["-created", "-id"], name="instance_newest"),
            models.Index(fields=["type", "-created", "-id"], name="instance_newest_of_type"),
            models.Index(fields=["action", "state", "-created", "-id"], name="instance_newest_of_status"),
            models.Index(fields=["host", "-created", "-id"], name="instance_newest_of_host"),
            models.Index(NameKey("name"), "id", name="instance_name"),
            models.Index("type", NameKey("name"), "id", name="instance_name_of_type"),
            models.Index(LAST_BACKUP, "id", name="instance_last_backup"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["host", "port"], name="instance_port_unique_per_host"),
            models.CheckConstraint(condition=Q(type__in=InstanceType.values), name="instance_type_known"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="instance_state_known"),
            models.CheckConstraint(condition=Q(action__in=Action.values), name="instance_action_known"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("instances:detail", args=[self.id])

    @property
    def status(self) -> Status:
        """The label of the reference. Work in progress hides the state, which stays on record beside it."""
        if self.action != Action.NONE:
            return STATUS_OF_ACTION[Action(self.action)]
        return STATUS_OF_STATE[State(self.state)]

    @property
    def in_transition(self) -> bool:
        """True if what shows changes without anybody's doing: work in progress, a server or host that is awaited."""
        return self.status.in_progress or self.is_down or self.host.offline_since is not None

    @property
    def is_down(self) -> bool:
        """True if a server should answer, none does, and no work is in progress that is the reason."""
        return self.status in {Status.ABNORMAL, Status.RESTORE_FAILED}

    @property
    def last_answered(self) -> datetime | None:
        """When the server was last heard of, if it is down."""
        return self.facts_at if self.is_down else None

    @property
    def unprotected_since(self) -> datetime:
        """LAST_BACKUP of the one instance."""
        return self.last_backup_at or self.created

    @property
    def address(self) -> str:
        """host:port as a driver wants it, or nothing before a port has been given out."""
        if not self.port:
            return ""
        name = self.host.db_address
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"

    @property
    def is_cluster(self) -> bool:
        return self.type == InstanceType.CLUSTER

    @property
    def engine_label(self) -> str:
        """The engine as its server calls itself, such as SecantusDB 0.7.0b3; empty before it was asked."""
        return f"{self.engine} {self.engine_version}".strip()

    @property
    def lacks_password(self) -> bool:
        """True if nobody can sign in, because the administrator has no password yet."""
        return self.password_set is False and self.state not in {State.CREATING, State.CREATION_FAILED}

    @property
    def backup_refusal(self) -> str:
        """Why no backup can be made now, in a sentence; empty if one can."""
        if self.status is Status.AVAILABLE:
            return self.host.refusal
        # Not "Available": the sentence stands in the row, where people and tests look for the status.
        return _("No backup can be made now. The instance is: %(status)s.") % {"status": self.status.label}

    @property
    def delete_refusal(self) -> str:
        """Why the instance cannot be deleted now, in a sentence; empty if it can."""
        if self.action == Action.NONE and self.state != State.CREATING:
            return self.host.refusal
        return _("An operation is running on the instance (%(status)s). Wait until it has ended.") % {
            "status": self.status.label
        }

    @property
    def restart_refusal(self) -> str:
        """Why the server cannot be restarted now, in a sentence; empty if it can."""
        if self.action != Action.NONE or self.state == State.CREATING:
            return self.delete_refusal
        if self.state in {State.AVAILABLE, State.ABNORMAL} and self.port:
            return self.host.refusal
        return _("The instance has no server that could be restarted (%(status)s).") % {"status": self.status.label}

    @property
    def password_refusal(self) -> str:
        """Why the administrator's password cannot be reset now, in a sentence; empty if it can."""
        if self.state == State.CREATING or self.action in STOPS_SERVER:
            return self.delete_refusal
        if self.state == State.AVAILABLE:
            return self.host.refusal
        return _("The instance has no server whose password could be reset (%(status)s).") % {
            "status": self.status.label
        }

    @property
    def rename_refusal(self) -> str:
        """Why the instance cannot be renamed now, in a sentence; empty if it can."""
        return _("The instance is being deleted.") if self.action == Action.DELETE else ""

    @property
    def restore_refusal(self) -> str:
        """Why no backup can be restored over the instance now, in a sentence; empty if one can."""
        # A server that does not come up is no obstacle: a restoration may be its cure.
        return self.delete_refusal


class JobQuerySet(models.QuerySet["Job"]):
    def shown(self) -> Self:
        """With what a list shows of each, in the same query."""
        return self.select_related("instance", "requested_by")

    def unended(self) -> Self:
        return self.filter(status__in=[status for status in JobStatus if status.in_progress])

    def running(self) -> Self:
        return self.filter(status=JobStatus.RUNNING)

    def expired(self, now: datetime) -> Self:
        """Running ones whose agent has not renewed its lease in time."""
        return self.running().filter(lease_until__lt=now)

    def failed_since(self, moment: datetime) -> Self:
        """Those created since then that failed, the newest first; not those that somebody cancelled."""
        return self.filter(status=JobStatus.FAILED, created__gte=moment).wanted().order_by("-created", "-id")

    def wanted(self) -> Self:
        """Those that nobody has cancelled."""
        return self.filter(cancel_reason="")

    def held_by(self, token: uuid.UUID) -> Self:
        """The running job that the lease `token` is for: none, once somebody else has ended it."""
        return self.running().filter(token=token)


class Job(models.Model):
    """A piece of work for one host's agent: the queue, the Task Center's rows and the API's jobs.

    The agent that runs it holds a lease: `token` names it, `lease_until` is when others may end the job.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32, choices=JobKind.choices)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="jobs")
    # Null for work without an instance: a backup of a deleted one can still be restored or deleted.
    instance = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    instance_uid = models.CharField(max_length=36, blank=True)
    instance_name = models.CharField(max_length=NAME_MAX_LENGTH, blank=True)
    parameters = models.JSONField(default=dict)
    # A password for the agent, sealed for this job. Only a job that has not ended has one: see jobs.ending().
    secret = models.TextField(blank=True, editable=False)
    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)
    # The step it is at, as pace.Reading has it; empty where none is counted.
    detail = models.JSONField(default=dict)
    failure = SentenceField(blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)
    # Why it should end before it is done: its work sees that at its next report. Empty: nobody wants it to.
    cancel_reason = ShortSentenceField(max_length=256, blank=True)
    # Null when the console itself asked for it.
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    token = models.UUIDField(null=True, blank=True, unique=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    # It failed because its agent ended, not because of what it did.
    interrupted = models.BooleanField(default=False)
    # True from the job's end until its host has removed the files that it may have left.
    left_behind = models.BooleanField(default=False)

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

    @property
    def state(self) -> JobStatus:
        """The status as the member it is, with its label, tone and whether it is in progress."""
        return JobStatus(self.status)

    @property
    def job_in_progress(self) -> Self | None:
        """Itself, while it runs."""
        return self if self.state is JobStatus.RUNNING else None

    @property
    def reading(self) -> Reading | None:
        """How far the running job's step is; its speed and the time left only while they are news."""
        reading = Reading.from_json(self.detail) if self.state is JobStatus.RUNNING else None
        if reading and timezone.now().timestamp() - reading.at > offline_after().total_seconds():
            return replace(reading, speed=None, left=None)
        return reading

    @property
    def is_at_last_step(self) -> bool:
        """True if the job ends with the step that its reading is of."""
        return self.kind == JobKind.BACKUP

    @property
    def duration(self) -> timedelta | None:
        """How long it took; None while it has not ended, or if it never began."""
        return self.ended - self.started if self.ended and self.started else None
