"""Factories of rows for tests; every field that a test does not give has a working default."""

import time
import uuid
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from backups.choices import BackupStatus
from backups.models import Backup, Policy
from backups.services.create import new_backup
from console.accounts.roles import Role
from instances.choices import EngineKind, InstanceType, JobKind, JobStatus, State, Step
from instances.models import Deployment, Host, Instance, Job
from instances.queue.pace import Reading

_numbers = count(1)
# A password that complies with the rule, and the form fields that set it.
NEW_PASSWORD = "Correct-horse-7"
PASSWORD_FIELDS = {"password": NEW_PASSWORD, "confirmation": NEW_PASSWORD}


def make_user(role: Role | None = None, **fields: Any) -> User:
    """Create a user with the role, or a superuser if none is given."""
    fields.setdefault("username", f"user-{next(_numbers)}")
    if role is None:
        return User.objects.create_superuser(password="correct horse", **fields)
    user = User.objects.create_user(password="correct horse", **fields)
    user.groups.add(Group.objects.get(name=role.value))
    return user


def make_host(name: str = "local", **fields: Any) -> Host:
    """Create the host, or update it; it is online unless `seen` says otherwise."""
    host, _ = Host.objects.update_or_create(name=name, defaults={"seen": timezone.now(), **fields})
    return host


def make_instance(**fields: Any) -> Instance:
    number = next(_numbers)
    fields.setdefault("name", f"instance-{number}")
    fields.setdefault("type", InstanceType.REPLICA_SET)
    fields.setdefault("state", State.AVAILABLE)
    fields.setdefault("port", 20_000 + number)
    fields.setdefault("engine", "SecantusDB")
    fields.setdefault("engine_version", "0.7.0b3")
    fields.setdefault("compatible_version", "8.2")
    fields.setdefault("storage_engine", "WiredTiger")
    if "host" not in fields:
        fields["host"] = make_host()
    return Instance.objects.create(**fields)


def make_deployment(instance: Instance | None = None, *, password: str = "", **fields: Any) -> Deployment:
    """Create an instance that is an existing deployment, tested a moment ago, with the connection that `fields` say."""
    if instance is None:
        number = next(_numbers)
        instance = make_instance(
            name=f"deployment-{number}",
            engine_kind=EngineKind.DEPLOYMENT,
            port=None,
            engine="MongoDB",
            engine_version="8.0.4",
            compatible_version="8.0",
            storage_engine="WiredTiger",
        )
    fields.setdefault("address", "mongodb://db1.example.org:27017,db2.example.org:27017/?replicaSet=rs0")
    fields.setdefault("user", "backup")
    fields.setdefault("tested", timezone.now())
    fields.setdefault("ways", ["snapshot"])
    deployment = Deployment(instance=instance, **fields)
    deployment.seal_password(password or NEW_PASSWORD)
    deployment.save(force_insert=True)
    return deployment


def make_job(**fields: Any) -> Job:
    fields.setdefault("kind", JobKind.BACKUP)
    if instance := fields.get("instance"):
        fields = {"host": instance.host, "instance_uid": instance.id, "instance_name": instance.name, **fields}
    if "host" not in fields:
        fields["host"] = make_host()
    return Job.objects.create(**fields)


def make_running_job(**fields: Any) -> Job:
    """Create a job that an agent seems to run, with a lease that never ends."""
    now = timezone.now()
    lease = {"token": uuid.uuid4(), "lease_until": None, "started": now}
    return make_job(**{"status": JobStatus.RUNNING, "progress": 40, **lease, **fields})


def reading(**fields: Any) -> dict[str, Any]:
    """Return the step of a running job as an agent writes it into Job.detail."""
    return Reading(
        **{
            **{"step": Step.COPY, "done": 1_887_437, "total": 4_194_304},
            **{"speed": None, "left": None, "at": time.time(), **fields},
        }
    ).to_json()


def make_backup(instance: Instance | None = None, **fields: Any) -> Backup:
    instance = instance or make_instance()
    fields.setdefault("name", f"backup-{next(_numbers):04}")
    fields.setdefault("status", BackupStatus.COMPLETED)
    if fields["status"] == BackupStatus.COMPLETED:
        fields.setdefault("size", 12_345)
    if fields["status"] != BackupStatus.BUILDING:
        fields.setdefault("ended", timezone.now())
    backup = new_backup(instance, instance=instance)
    for name, value in fields.items():
        setattr(backup, name, value)
    backup.save(force_insert=True)
    return backup


def make_policy(instance: Instance | None = None, **fields: Any) -> Policy:
    policy = Policy.default(instance or make_instance())
    for name, value in fields.items():
        setattr(policy, name, value)
    policy.save(force_insert=True)
    return policy
