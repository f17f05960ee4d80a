"""The existing deployment that `manage.py seed` makes. Its host has no agent, so nothing connects to it."""

from collections.abc import Iterable

from django.contrib.auth.models import User

from console.testing.seed.console import Seed
from console.testing.seed.instances import job
from console.text.messages import Message, encode
from instances.choices import JobKind, JobStatus
from instances.models import Deployment, Instance, Job

MEMBER = "db1.example.org:27017"
UNREACHABLE = Message("deployment.slow")


def deployment(seed: Seed, instance: Instance) -> Deployment:
    """Return the unsaved connection of the instance, tested some days ago. It has no password."""
    found = [
        ("ok", Message("deployment.found_server", member=MEMBER, engine="MongoDB 8.0.4")),
        ("ok", Message("deployment.found_set", name="rs0", count=1)),
        ("warn", Message("deployment.found_unencrypted")),
    ]
    return Deployment(
        instance=instance,
        address=f"mongodb://{MEMBER}/?replicaSet=rs0",
        ways=["snapshot"],
        tested=seed.ago(days=13),
        findings=[{"tone": tone, "message": encode(message)} for tone, message in found],
    )


def tests(seed: Seed, instance: Instance, user: User | None) -> Iterable[Job]:
    """Return a test of the connection of every outcome, and one that waits for the missing agent."""
    for status, failure, days in (
        (JobStatus.COMPLETED, "", 13),
        (JobStatus.FAILED, UNREACHABLE, 1),
        (JobStatus.QUEUED, "", 0.1),
    ):
        yield job(
            seed,
            JobKind.TEST_CONNECTION,
            instance,
            status,
            at=seed.ago(days=days),
            status=status,
            failure=failure,
            requested_by=user,
        )
