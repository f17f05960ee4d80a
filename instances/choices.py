"""States, actions, statuses and kinds of instances and jobs, with labels for people and values for the API."""

from enum import Enum
from typing import Literal

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.text.messages import TEXTS

Tone = Literal["ok", "busy", "warn", "bad", "neutral"]


class InstanceType(models.TextChoices):
    CLUSTER = "Sharding", _("Cluster")
    REPLICA_SET = "ReplicaSet", _("Replica set")
    SINGLE_NODE = "Single", _("Single node")

    @property
    def plural(self) -> Promise:
        return {
            InstanceType.CLUSTER: _("Clusters"),
            InstanceType.REPLICA_SET: _("Replica Sets"),
            InstanceType.SINGLE_NODE: _("Single Nodes"),
        }[self]


class EngineKind(models.TextChoices):
    """Where an instance's server is. The values are the keys of engines.ENGINES."""

    EMBEDDED = "embedded", _("On this console's host")
    DEPLOYMENT = "deployment", _("Existing deployment")


class Mechanism(models.TextChoices):
    """How the agent proves who it is to a deployment."""

    AUTOMATIC = "", _("Automatic")
    SCRAM_SHA_256 = "SCRAM-SHA-256", "SCRAM-SHA-256"
    SCRAM_SHA_1 = "SCRAM-SHA-1", "SCRAM-SHA-1"
    X509 = "MONGODB-X509", "X.509"


class ReadPreference(models.TextChoices):
    """The members of a deployment that backups read from."""

    PRIMARY = "primary", _("Primary")
    PRIMARY_PREFERRED = "primaryPreferred", _("Primary, else a secondary")
    SECONDARY = "secondary", _("Secondary")
    SECONDARY_PREFERRED = "secondaryPreferred", _("Secondary, else the primary")
    NEAREST = "nearest", _("Nearest")


class State(models.TextChoices):
    """The state of an instance's server, regardless of the work in progress."""

    CREATING = "creating", _("Creating")
    CREATION_FAILED = "createfail", _("Creation failed")
    AVAILABLE = "normal", _("Available")
    # The agent has started, and the server of an instance that was Available has not answered yet.
    STARTING = "starting", _("Restarting")
    ABNORMAL = "abnormal", _("Abnormal")
    RESTORE_FAILED = "restorefail", _("Restoration failed")


class Action(models.TextChoices):
    """The work in progress on an instance, at most one at a time."""

    NONE = "", ""
    BACKUP = "BACKUP", _("Backing up")
    RESTORE = "RESTORE", _("Restoring")
    RESTORE_CHECK = "RESTORE_CHECK", _("Checking restoration")
    RESTORE_TO_NEW_INSTANCE = "RESTORE_TO_NEW_INSTANCE", _("Checking restoration")
    RESTART = "RESTART", _("Restarting")
    DELETE = "DELETE_INSTANCE", _("Deleting")


# Actions that stop the server.
STOPS_SERVER = frozenset({Action.RESTORE, Action.RESTART, Action.DELETE})


class Status(Enum):
    """The status that people read, derived from state and action. Members are (API code, label, tone)."""

    AVAILABLE = ("normal", TEXTS["label.available"], "ok")
    CREATING = ("creating", TEXTS["label.creating"], "busy")
    CREATION_FAILED = ("createfail", TEXTS["label.creation_failed"], "bad")
    BACKING_UP = ("BACKUP", TEXTS["label.backing_up"], "busy")
    CHECKING_RESTORATION = ("RESTORE_CHECK", TEXTS["label.checking_restoration"], "busy")
    RESTORING = ("RESTORE", TEXTS["label.restoring"], "busy")
    RESTORE_FAILED = ("restorefail", TEXTS["label.restoration_failed"], "bad")
    RESTARTING = ("RESTART", TEXTS["label.restarting"], "busy")
    DELETING = ("DELETE_INSTANCE", TEXTS["label.deleting"], "busy")
    ABNORMAL = ("abnormal", TEXTS["label.abnormal"], "bad")

    def __init__(self, code: str, label: Promise, tone: Tone) -> None:
        self.code = code
        self.label = label
        self.tone = tone

    @property
    def in_progress(self) -> bool:
        return self.tone == "busy"


STATUS_OF_STATE = {
    State.CREATING: Status.CREATING,
    State.CREATION_FAILED: Status.CREATION_FAILED,
    State.AVAILABLE: Status.AVAILABLE,
    State.STARTING: Status.RESTARTING,
    State.ABNORMAL: Status.ABNORMAL,
    State.RESTORE_FAILED: Status.RESTORE_FAILED,
}
STATUS_OF_ACTION = {
    Action.BACKUP: Status.BACKING_UP,
    Action.RESTORE: Status.RESTORING,
    Action.RESTORE_CHECK: Status.CHECKING_RESTORATION,
    Action.RESTORE_TO_NEW_INSTANCE: Status.CHECKING_RESTORATION,
    Action.RESTART: Status.RESTARTING,
    Action.DELETE: Status.DELETING,
}


class JobKind(models.TextChoices):
    CREATE_INSTANCE = "create-instance", _("Create instance")
    DELETE_INSTANCE = "delete-instance", _("Delete instance")
    RESTART = "restart-instance", _("Restart instance")
    RESET_PASSWORD = "reset-password", _("Reset password")
    BACKUP = "backup", _("Backup")
    DELETE_BACKUP = "delete-backup", _("Delete backup")
    RESTORE_NEW = "restore-new", _("Restore to new instance")
    RESTORE_ORIGINAL = "restore-original", _("Restore to original instance")
    RESTORE_DEPLOYMENT = "restore-deployment", _("Restore to empty deployment")
    VERIFY = "verify", _("Verify backup")
    TEST_STORAGE = "test-storage", _("Test storage")
    TEST_CONNECTION = "test-connection", _("Test connection")


# The jobs that restore a backup over what an instance has.
RESTORES_OVER = (JobKind.RESTORE_ORIGINAL, JobKind.RESTORE_DEPLOYMENT)


class Step(models.TextChoices):
    """A step of a job. The progress of COPY, UNPACK and LOAD is counted in bytes."""

    COPY = "copy", _("Copying the databases")
    UNPACK = "unpack", _("Reading the archive")
    PREPARE = "prepare", _("Preparing the files")
    START = "start", _("Starting the server")
    STOP = "stop", _("Stopping the server")
    PASSWORD = "password", _("Setting the password of the administrator")
    DEMO = "demo", _("Loading the demo documents")
    REMOVE = "remove", _("Removing the files")
    SPACE = "space", _("Checking the free space")
    SNAPSHOT = "snapshot", _("Opening the snapshot")
    WRITE = "write", _("Writing the archive")
    CLOSE = "close", _("Closing the snapshot")
    PLACE = "place", _("Putting the restored files in place")
    SCRATCH = "scratch", _("Starting a temporary server")
    INSPECT = "inspect", _("Checking documents and indexes")
    DELETE = "delete", _("Deleting the archive")
    CONNECT = "connect", _("Testing the connection")
    LOAD = "load", _("Loading the databases")
    EXCHANGE = "exchange", _("Putting the loaded databases in place")


class JobStatus(models.TextChoices):
    QUEUED = "Queued", _("Queued")
    RUNNING = "Running", _("Running")
    COMPLETED = "Completed", _("Completed")
    FAILED = "Failed", _("Failed")
    CANCELLED = "Cancelled", _("Cancelled")

    @property
    def tone(self) -> Tone:
        tones: dict[JobStatus, Tone] = {
            JobStatus.QUEUED: "busy",
            JobStatus.RUNNING: "busy",
            JobStatus.COMPLETED: "ok",
            JobStatus.FAILED: "bad",
            JobStatus.CANCELLED: "neutral",
        }
        return tones[self]

    @property
    def in_progress(self) -> bool:
        return self.tone == "busy"
