"""The base classes for the steps of a job, with one subclass per kind, and for its parameters."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from console.processes import secrets
from console.text.messages import Message
from instances.choices import JobKind
from instances.models import Instance, Job

if TYPE_CHECKING:
    from instances.queue.work import Work


class JobFailed(Exception):
    """The job cannot be done. The message is the reason that people read."""


class JobCancelled(JobFailed):
    """The job was cancelled. The message says by whom."""


class LeaseLost(Exception):
    """The job is no longer this agent's: another process ended the job, or another agent has taken over the host."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The input of a job besides the columns of its row. Job.parameters stores it as JSON.

    A kind of job with parameters has a subclass. Each field has a default and a type that JSON supports.
    """

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read the output of to_json(), ignoring names of unknown fields."""
        return cls(**{field.name: raw[field.name] for field in fields(cls) if field.name in raw})


Given = TypeVar("Given", bound=Parameters)
Result = TypeVar("Result")


class JobSteps(ABC, Generic[Given, Result]):
    """The steps of one kind of job: one subclass per kind, one object per job.

    The agent calls the steps in this order:

    1. run(), in a thread of its own.
    2. completed() if run() returned, failed() if it raised anything but LeaseLost, and cancelled() instead of either if
       the job was cancelled. They are called in the transaction that writes the job's end, so either all rows change or
       none.
    3. abandon(), unless the job is Completed.
    4. clean_up(), however the job ended.

    If the agent dies, another process or the next agent calls failed() or cancelled(), then clean_up(), on a new
    object. So steps share nothing but their arguments and the rows.
    """

    parameters_type: type[Given]

    def __init__(self, job: Job) -> None:
        self.job = job

    @property
    def parameters(self) -> Given:
        return self.parameters_type.from_json(self.job.parameters)

    @property
    def instance(self) -> Instance:
        """The job's instance. Raises JobFailed if it has been deleted."""
        if self.job.instance is None:
            raise JobFailed(Message("instance.gone"))
        return self.job.instance

    @abstractmethod
    def run(self, work: "Work") -> Result:
        """Do the job, outside any transaction, and report progress to `work`.

        Raises JobFailed with the reason if the job cannot be done. A report may raise LeaseLost or JobFailed.
        """

    @abstractmethod
    def completed(self, result: Result) -> None:
        """Update the rows that depend on the result of run()."""

    @abstractmethod
    def failed(self, reason: str) -> None:
        """Update the rows that depend on the failure. May be called in any process, and for a job that never ran."""

    def cancelled(self, reason: str) -> None:
        """Update the rows that depend on the cancellation. Called like failed()."""
        self.failed(reason)

    def abandon(self, work: "Work") -> None:
        """Stop the servers that run() left running. Called in run()'s thread, unless the agent and its servers died."""

    def clean_up(self) -> None:
        """Make the files on the job's host agree with the rows. Called again if it raises or is interrupted."""

    @classmethod
    def sweep(cls, leave_alone: Collection[str]) -> None:
        """Settle the files that jobs of this kind left on this host when their agent died.

        Called when an agent starts, before any job runs. Must not change the status of the instances in `leave_alone`.
        Logs files that it cannot settle instead of raising, so that the servers of other instances start.
        """


JobKinds = Mapping[JobKind, type[JobSteps[Any, Any]]]


def steps_of(job: Job, kinds: JobKinds) -> JobSteps[Any, Any]:
    return kinds[JobKind(job.kind)](job)


def secret_of(job: Job) -> str:
    """Return the job's password; "" if it has none. Raises JobFailed if the password cannot be decrypted."""
    if not job.secret:
        return ""
    # Its key may have been replaced since the job was read.
    sealed = Job.objects.filter(pk=job.pk).exclude(secret="").values_list("secret", flat=True).first()
    try:
        return secrets.unseal(sealed or job.secret, purpose=str(job.pk))
    except secrets.CannotUnseal as error:
        raise JobFailed(Message("job.password_unreadable")) from error
