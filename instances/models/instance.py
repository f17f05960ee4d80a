"""Instance: a database server with its data, and the work in progress on it."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Count, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan, LessThan
from django.urls import reverse
from django.utils import timezone

from console.lists.keys import NameKey
from console.text import clocks
from console.text.changes import Values
from console.text.ids import new_id
from console.text.messages.fields import MessageField
from console.text.name_rule import NAME_MAX_LENGTH, name_validators
from instances import refusals
from instances.choices import (
    RESTORES_OVER,
    STATUS_OF_ACTION,
    STATUS_OF_STATE,
    STOPS_SERVER,
    Action,
    EngineKind,
    InstanceType,
    State,
    Status,
)
from instances.models.host import Host

if TYPE_CHECKING:
    from instances.models.deployment import Deployment
    from instances.plans import PlannedBackup


def new_instance_id() -> str:
    return new_id("in02")


# The sort key for the time since the last backup. An instance without any backup counts from its creation.
LAST_BACKUP = Coalesce(F("last_backup_at"), F("created"))


def is_available() -> Q:
    """Return the condition that an instance is Available, so that work on it can start."""
    return Q(state=State.AVAILABLE, action=Action.NONE)


def shows_status(status: Status) -> Q:
    """Return the condition that an instance shows the status: by its action, or by its state if it has none."""
    actions = [action for action, shown in STATUS_OF_ACTION.items() if shown is status]
    states = [state for state, shown in STATUS_OF_STATE.items() if shown is status]
    found = Q(action=Action.NONE, state__in=states) if states else Q()
    return found | Q(action__in=actions) if actions else found


def restoration_unsettled() -> Q:
    """Return the condition that a restoration over a deployment has ended and the agent has yet to finish or undo it.

    One that ended before it touched the deployment, such as in its safety backup, has not set the state.
    """
    jobs = apps.get_model("instances", "Job")._default_manager
    working = jobs.unended().filter(kind__in=RESTORES_OVER, instance=OuterRef("pk"))
    touched = Q(engine_kind=EngineKind.DEPLOYMENT, action=Action.RESTORE, state=State.RESTORE_FAILED)
    return touched & ~Q(Exists(working))


class InstanceQuerySet(models.QuerySet["Instance"]):
    def shown(self) -> Self:
        """Join what a list shows of each instance; defer what only the page of a deployment shows."""
        large = (f"deployment__{name}" for name in ("ca", "sealed_password", "sealed_certificate", "findings"))
        unsettled = ExpressionWrapper(restoration_unsettled(), models.BooleanField())
        return self.select_related("host", "deployment").defer(*large).annotate(known_unsettled=unsettled)

    def available(self) -> Self:
        """Return the instances with status Available, on which work can start."""
        return self.filter(is_available())

    def ready_for_backup(self) -> Self:
        """Return the Available instances of which a backup can be made: see Deployment.can_be_backed_up.

        Without a join, because PostgreSQL would not check the status again after it has waited for another update.
        """
        deployments = apps.get_model("instances", "Deployment")._default_manager
        unready = deployments.filter(instance=OuterRef("pk"), ways=[], any_moment=False)
        return self.available().filter(~Exists(unready))

    def idle(self) -> Self:
        """Return the instances without work in progress, whatever their state."""
        return self.filter(action=Action.NONE).exclude(state=State.CREATING)

    def down(self) -> Self:
        """Return the instances whose server should answer but does not; Instance.is_down checks a single instance."""
        return self.filter(shows_status(Status.ABNORMAL) | shows_status(Status.RESTORE_FAILED))

    def by_status(self) -> dict[Status, int]:
        """Return the number of instances by status, without zeros, in the order of Status.

        Most instances are Available, so it is faster to count all and subtract the others than to count Available ones.
        """
        at_rest = Q(action=Action.NONE, state__in=[state for state in State if state is not State.AVAILABLE])
        counts = dict.fromkeys(Status, 0)
        for others in (self.filter(action__gt=Action.NONE), self.filter(at_rest)):
            for row in others.order_by().values("action", "state").annotate(instances=Count("pk")):
                counts[Instance(action=row["action"], state=row["state"]).status] += row["instances"]
        # An instance may become Available between the queries and be counted twice.
        counts[Status.AVAILABLE] = max(self.count() - sum(counts.values()), 0)
        return {status: count for status, count in counts.items() if count}

    def faulty(self) -> Self:
        """Return the instances whose creation or restoration failed or whose server is down, sorted as in an index."""
        bad = [state for state, status in STATUS_OF_STATE.items() if status.tone == "bad"]
        return self.filter(action=Action.NONE, state__in=bad).order_by("state", "-created", "-id")

    def to_protect(self) -> Self:
        """Return the instances that should have backups: created and not being deleted."""
        return self.exclude(state__in=[State.CREATING, State.CREATION_FAILED]).exclude(action=Action.DELETE)

    def longest_without_backup(self) -> Self:
        return self.to_protect().order_by(LAST_BACKUP, "id")

    def without_backup_since(self, moment: datetime) -> Self:
        """Return the instances created before the moment that have no Complete backup started since.

        A time in the future is unknown, so it counts as before the moment.
        """
        ahead = GreaterThan(LAST_BACKUP, Value(clocks.latest(timezone.now())))
        return self.to_protect().filter(Q(LessThan(LAST_BACKUP, Value(moment))) | Q(ahead))

    def new_without_backup(self, moment: datetime) -> Self:
        """Return the instances created since the moment that have no Complete backup yet."""
        since = Q(created__gte=moment, created__lte=clocks.latest(timezone.now()))
        return self.to_protect().filter(since, last_backup_at=None)

    def backed_up_in_future(self) -> Self:
        """Return the instances whose last backup, or creation without a backup, is in the future."""
        return self.to_protect().filter(GreaterThan(LAST_BACKUP, Value(clocks.latest(timezone.now())))).order_by("id")

    def with_running_server(self) -> Self:
        """Return the instances whose server answers, unless work in progress stops it."""
        return self.filter(state=State.AVAILABLE).exclude(action__in=STOPS_SERVER)

    def restartable(self) -> Self:
        """Return the instances that have a server and no work in progress."""
        return self.filter(action=Action.NONE, state__in=[State.AVAILABLE, State.ABNORMAL], port__isnull=False)


class Instance(models.Model):
    """A database instance: one server process with its files and a port on one host, or an existing deployment."""

    id = models.CharField(primary_key=True, max_length=36, default=new_instance_id, editable=False)
    name = models.CharField(max_length=NAME_MAX_LENGTH, validators=name_validators)
    type = models.CharField(max_length=16, choices=InstanceType.choices)
    engine_kind = models.CharField(
        max_length=16, choices=EngineKind.choices, default=EngineKind.EMBEDDED, editable=False
    )
    # The host whose agent runs the server, or reaches the existing deployment.
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="instances")
    port = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.CREATING)
    action = models.CharField(max_length=32, choices=Action.choices, default=Action.NONE, blank=True)
    failure = MessageField(blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    # True if the administrator has a password; None if unknown because the instance was restored from a backup.
    password_set = models.BooleanField(null=True, default=False, editable=False)

    # The id of the dialog that requested the instance: submitting the dialog twice creates one instance.
    request_key = models.UUIDField(null=True, blank=True, unique=True, editable=False)

    # The facts that the server last reported to the agent, and when.
    engine = models.CharField(max_length=32, blank=True)
    engine_version = models.CharField(max_length=32, blank=True)
    storage_engine = models.CharField(max_length=32, blank=True)
    compatible_version = models.CharField(max_length=16, blank=True)
    storage_bytes = models.BigIntegerField(null=True, blank=True)
    documents = models.BigIntegerField(null=True, blank=True)
    connections = models.IntegerField(null=True, blank=True)
    started = models.DateTimeField(null=True, blank=True)
    facts_at = models.DateTimeField(null=True, blank=True)

    # A copy of the newest Complete backup's start, which lists can sort by.
    last_backup_at = models.DateTimeField(null=True, blank=True, editable=False)

    # Only of an existing deployment.
    deployment: "Deployment"

    # Set by shown() only.
    known_unsettled: bool | None = None
    # Set by plans.plan() only.
    next_backup: "PlannedBackup | None" = None

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
            models.CheckConstraint(condition=Q(engine_kind__in=EngineKind.values), name="instance_engine_kind_known"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="instance_state_known"),
            models.CheckConstraint(condition=Q(action__in=Action.values), name="instance_action_known"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the URL of the instance's home, a page of console.overview."""
        return reverse("instance", args=[self.id])

    @property
    def editable(self) -> Values:
        """The values that users can edit."""
        return {"label.instance_name": self.name}

    @property
    def status(self) -> Status:
        """The status that people read: the work in progress, or the state if there is none."""
        if self.action != Action.NONE:
            return STATUS_OF_ACTION[Action(self.action)]
        return STATUS_OF_STATE[State(self.state)]

    @property
    def in_transition(self) -> bool:
        """True if pages should poll for changes: work is in progress, or the server or the host is down."""
        return self.status.in_progress or self.is_down or self.host.offline_since is not None

    @property
    def is_down(self) -> bool:
        """True if the server should answer but does not, unless work in progress is the reason."""
        return self.status in {Status.ABNORMAL, Status.RESTORE_FAILED}

    @property
    def last_answered(self) -> datetime | None:
        """The time at which the server last answered; None unless it is down."""
        return self.facts_at if self.is_down else None

    @property
    def unprotected_since(self) -> datetime:
        """The value of LAST_BACKUP for this instance."""
        return self.last_backup_at or self.created

    @property
    def address(self) -> str:
        """host:port as drivers expect it, of all hosts of a deployment; "" before the instance has a port."""
        if self.is_deployment:
            return self.deployment.hosts
        if not self.port:
            return ""
        name = self.host.db_address
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"

    @property
    def is_deployment(self) -> bool:
        """True if the server existed before the console, which reaches it by a connection string."""
        return self.engine_kind == EngineKind.DEPLOYMENT

    @property
    def is_unsettled(self) -> bool:
        """True if a restoration over the deployment has ended, and the agent has yet to finish or undo it there."""
        if self.action != Action.RESTORE:
            return False
        if self.known_unsettled is not None:
            return self.known_unsettled
        return Instance.objects.filter(restoration_unsettled(), pk=self.pk).exists()

    @property
    def is_cluster(self) -> bool:
        return self.type == InstanceType.CLUSTER

    @property
    def engine_label(self) -> str:
        """Engine and version as the server reported them, such as SecantusDB 0.7.0b3; "" before the first report."""
        return f"{self.engine} {self.engine_version}".strip() if self.engine else ""

    @property
    def lacks_password(self) -> bool:
        """True if nobody can sign in because the administrator has no password yet."""
        return self.password_set is False and self.state not in {State.CREATING, State.CREATION_FAILED}

    # Each is a sentence that says why the action is refused now; "" if the action is possible.

    @property
    def backup_refusal(self) -> str:
        return refusals.backup(self)

    @property
    def delete_refusal(self) -> str:
        return refusals.delete(self)

    @property
    def restart_refusal(self) -> str:
        return refusals.restart(self)

    @property
    def password_refusal(self) -> str:
        return refusals.password(self)

    @property
    def rename_refusal(self) -> str:
        return refusals.rename(self)

    @property
    def restore_refusal(self) -> str:
        return refusals.restore(self)

    @property
    def connection_refusal(self) -> str:
        return refusals.connection(self)
