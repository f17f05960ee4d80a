"""The instances and jobs that `manage.py seed` makes: real ones with real files, and one of every other status.

Work in progress belongs to a host without an agent, so it stays in progress. The rows are those that an agent
would write.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice

from django.conf import settings
from django.contrib.auth.models import User

from console.testing.seed.console import Seed
from console.testing.seed.samples import Sample
from console.text.messages import Message
from instances import engines
from instances.choices import Action, EngineKind, InstanceType, JobKind, JobStatus, State
from instances.homes import instance_home
from instances.jobs.ports import free_ports
from instances.models import Host, Instance, Job

AWAY = "seeded-host-without-agent"
DEPLOYMENT = "existing-deployment"
_NAMES = {InstanceType.CLUSTER: "shop", InstanceType.REPLICA_SET: "sensors", InstanceType.SINGLE_NODE: "knowledge"}
_LOST = {"abnormal": State.ABNORMAL, "restoration-failed": State.RESTORE_FAILED}
_BUSY = {
    "creating": (State.CREATING, Action.NONE),
    "being-restored-to": (State.CREATING, Action.NONE),
    "backing-up": (State.AVAILABLE, Action.BACKUP),
    "checking-restoration": (State.AVAILABLE, Action.RESTORE_TO_NEW_INSTANCE),
    "restoring": (State.AVAILABLE, Action.RESTORE),
    "restarting": (State.AVAILABLE, Action.RESTART),
    "deleting": (State.AVAILABLE, Action.DELETE),
}


@dataclass(frozen=True)
class Instances:
    """The seeded instances: `real` ones with files and a server, and `others` by name, one of every other status."""

    real: list[Instance]
    others: dict[str, Instance]

    @property
    def all(self) -> list[Instance]:
        return [*self.real, *self.others.values()]


def draw(seed: Seed, count: int, samples: dict[str, Sample]) -> Instances:
    """Return unsaved instances: `count` real ones, of the three types in turn, and one of every other status."""
    here = Host.objects.get_or_create(name=settings.CONSOLE_HOST)[0]
    away = Host.objects.update_or_create(name=AWAY, defaults={"seen": seed.ago(hours=3)})[0]
    ports = free_ports(here.name)
    kinds = list(InstanceType)
    # A true message: these instances get no data directory, and the agent will notice.
    lost = Message("server.no_data")
    engine = next(iter(samples.values())).facts

    def instance(name: str, kind: InstanceType, host: Host, age: float, state: State, **fields: object) -> Instance:
        made = {
            "engine": engine.engine,
            "engine_version": engine.engine_version,
            "storage_engine": engine.storage_engine,
            "compatible_version": engine.compatible_version,
        }
        known = {} if state in {State.CREATING, State.CREATION_FAILED} else made
        created = seed.ago(days=age)
        return Instance(
            id=seed.id("in02", "instance", name),
            name=name,
            type=kind,
            host=host,
            created=created,
            state=state,
            **known | fields,
        )

    real = [
        instance(
            f"{_NAMES[kind]}-{number + 1:02}",
            kind,
            here,
            90 - number % 60 + seed.chance("age", number).random(),
            # The state when an agent starts: the instance becomes Available once its server answers.
            State.STARTING,
            port=next(ports),
            password_set=True,
            documents=samples[kind].facts.documents,
            storage_bytes=samples[kind].facts.storage_bytes,
        )
        for number, kind in enumerate(islice(cycle(kinds), count))
    ]
    others = [
        instance(name, kinds[number % 3], here, 40 + number, state, failure=lost, port=next(ports))
        for number, (name, state) in enumerate(_LOST.items())
    ]
    others.append(
        instance(
            "creation-failed",
            InstanceType.SINGLE_NODE,
            here,
            12,
            State.CREATION_FAILED,
            failure=Message("instance.no_free_port", host=here.name),
        )
    )
    others += [
        instance(name, kinds[number % 3], away, 30 + number, state, action=action)
        for number, (name, (state, action)) in enumerate(_BUSY.items())
    ]
    other_engine = {"engine_kind": EngineKind.DEPLOYMENT, "engine": "MongoDB", "engine_version": "8.0.4"}
    kind, failure = InstanceType.REPLICA_SET, Message("deployment.slow")
    others.append(instance(DEPLOYMENT, kind, away, 25, State.ABNORMAL, failure=failure, **other_engine))
    return Instances(real, {each.name: each for each in others})


def give_files(instances: Instances, samples: dict[str, Sample]) -> None:
    """Copy the sample of its type into each real instance's home, before the instance's row is written."""
    for instance in instances.real:
        home = instance_home(instance.id)
        # Remove a home without a row that a killed seeding left.
        shutil.rmtree(home, ignore_errors=True)
        engines.embedded().files.prepare(home)
        source = engines.embedded().files.data_dir(samples[instance.type].home)
        shutil.copytree(source, engines.embedded().files.data_dir(home), dirs_exist_ok=True)


def take_files(instances: Instances) -> None:
    """Undo give_files()."""
    for instance in instances.real:
        shutil.rmtree(instance_home(instance.id), ignore_errors=True)


def job(
    seed: Seed,
    kind: JobKind,
    instance: Instance | None,
    *what: object,
    at: datetime,
    status: JobStatus = JobStatus.COMPLETED,
    seconds: float = 4,
    host: Host | None = None,
    requested_by: User | None = None,
    **fields: object,
) -> Job:
    """Return an unsaved job requested at this time. The lease of a running job does not expire."""
    ended = {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}
    begun = at + timedelta(seconds=0.4)
    running = {"token": seed.uuid("token", kind, *what), "lease_until": None}
    where = host or (instance.host if instance else None)
    assert where
    made = Job(
        id=seed.uuid("job", kind, *what),
        kind=kind,
        host=where,
        instance=instance,
        instance_uid=instance.id if instance else "",
        instance_name=instance.name if instance else "",
        status=status,
        created=at,
        started=None if status is JobStatus.QUEUED else begun,
        ended=begun + timedelta(seconds=seconds) if status in ended else None,
        requested_by=requested_by,
        **(running if status is JobStatus.RUNNING else {}),
    )
    made.progress = {JobStatus.COMPLETED: 100, JobStatus.RUNNING: 63}.get(status, 0)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def jobs_of(seed: Seed, instances: Instances, retired: tuple[str, str], user: User | None) -> Iterable[Job]:
    """Return tasks that have ended, and tasks that wait for the missing agent. `retired` is a deleted instance."""
    others, here = instances.others, instances.others["abnormal"].host
    for instance in [*instances.real, others["abnormal"], others["restoration-failed"]]:
        yield job(seed, JobKind.CREATE_INSTANCE, instance, instance.id, at=instance.created, requested_by=user)
    failed = others["creation-failed"]
    yield job(
        seed,
        JobKind.CREATE_INSTANCE,
        failed,
        failed.id,
        at=failed.created,
        status=JobStatus.FAILED,
        failure=failed.failure,
        requested_by=user,
    )
    lost = others["abnormal"]
    yield job(seed, JobKind.RESTART, lost, "done", at=seed.ago(days=20), requested_by=user)
    yield job(
        seed,
        JobKind.RESTART,
        lost,
        "failed",
        at=seed.ago(days=2),
        status=JobStatus.FAILED,
        seconds=30,
        failure=lost.failure,
        requested_by=user,
    )
    yield job(seed, JobKind.RESET_PASSWORD, lost, "done", at=seed.ago(days=19), seconds=1, requested_by=user)
    yield job(
        seed,
        JobKind.RESET_PASSWORD,
        lost,
        "failed",
        at=seed.ago(days=3),
        status=JobStatus.FAILED,
        failure=Message("server.unreachable", port=lost.port or 0),
        requested_by=user,
    )
    uid, name = retired
    for what, status, failure, days in (
        ("failed", JobStatus.FAILED, Message("agent.stopped"), 8.1),
        ("done", JobStatus.COMPLETED, "", 8),
    ):
        yield job(
            seed,
            JobKind.DELETE_INSTANCE,
            None,
            what,
            host=here,
            at=seed.ago(days=days),
            status=status,
            failure=failure,
            interrupted=status is JobStatus.FAILED,
            instance_uid=uid,
            instance_name=name,
            requested_by=user,
        )
    for waiting, kind in (
        ("creating", JobKind.CREATE_INSTANCE),
        ("restarting", JobKind.RESTART),
        ("backing-up", JobKind.RESET_PASSWORD),
        ("deleting", JobKind.DELETE_INSTANCE),
    ):
        yield job(
            seed,
            kind,
            others[waiting],
            "waiting",
            at=seed.ago(hours=2),
            status=JobStatus.QUEUED,
            requested_by=user,
        )
    yield from _storage_tests(seed, here, user)


def _storage_tests(seed: Seed, host: Host, user: User | None) -> Iterable[Job]:
    """Return a test of the host's storage of every outcome."""
    broken = Message("storage.test_write", why="permission denied")
    for status, failure, days in (
        (JobStatus.FAILED, broken, 6),
        (JobStatus.COMPLETED, "", 5.9),
    ):
        yield job(
            seed,
            JobKind.TEST_STORAGE,
            None,
            status,
            host=host,
            at=seed.ago(days=days),
            status=status,
            seconds=1,
            failure=failure,
            requested_by=user,
        )
