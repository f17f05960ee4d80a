"""What a job is: the base class of its steps, with one subclass per kind, and the parameters that it is given."""

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
    """The job cannot be done; the message is the reason that people read."""


class LeaseLost(Exception):
    """The job is no longer this agent's: another process ended it, or another agent has taken the host over."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What a job is given besides the columns of its row. Job.parameters keeps it as JSON.

    A kind of job with parameters derives a class of its own. Each field has a default and a type that JSON knows.
    """

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what to_json() wrote; ignore names that are no field."""
        return cls(**{field.name: raw[field.name] for field in fields(cls) if field.name in raw})


Given = TypeVar("Given", bound=Parameters)
Result = TypeVar("Result")


class JobSteps(ABC, Generic[Given, Result]):
    """How one kind of job is done and ended: one subclass per kind, one object per job.

    The agent calls the steps in this order:

    1. run(), in a thread of its own.
    2. completed() if run() returned, failed() if it raised anything but LeaseLost. Both are called in the transaction
       that writes the job's end, so either all rows change or none.
    3. abandon(), unless the job is Completed.
    4. clean_up(), however the job ended.

    If the agent dies, another process or the next agent goes on with failed() and clean_up(), on a new object. So
    steps share nothing but their arguments and the rows.
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

        Raises JobFailed with the reason if it cannot be done, and LeaseLost or JobFailed from a report.
        """

    @abstractmethod
    def completed(self, result: Result) -> None:
        """Write the rows that follow from the result of run()."""

    @abstractmethod
    def failed(self, reason: str) -> None:
        """Write the rows that follow from the failure. May be called in any process, and for a job that never ran."""

    def abandon(self, work: "Work") -> None:
        """Stop the servers that run() left running, in its thread. Not called if the agent died, and they with it."""

    def clean_up(self) -> None:
        """Make the files on the job's host agree with the rows. May be called again if it raises or is cut short."""

    @classmethod
    def sweep(cls, leave_alone: Collection[str]) -> None:
        """Settle the files that jobs of this kind left on this host when their agent died.

        Called when an agent starts, before any job runs. The status of the instances to `leave_alone` stays as it is.
        Logs what it cannot settle: the servers of the other instances start all the same.
        """


JobKinds = Mapping[JobKind, type[JobSteps[Any, Any]]]


def steps_of(job: Job, kinds: JobKinds) -> JobSteps[Any, Any]:
    return kinds[JobKind(job.kind)](job)


def secret_of(job: Job) -> str:
    """Return the password that the job was given; empty if it was given none. Raises JobFailed."""
    if not job.secret:
        return ""
    try:
        return secrets.unseal(job.secret, purpose=str(job.pk))
    except secrets.CannotUnseal as error:
        raise JobFailed(Message("job.password_unreadable")) from error
