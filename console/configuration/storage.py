"""Hosts with the last test of their storage."""

from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from console.text.messages import Message
from instances.choices import JobKind
from instances.models import Host, Job


@dataclass(frozen=True)
class TestedHost:
    """A host and its last test of the storage, if there is one in the Task Center."""

    host: Host
    is_online: bool
    test: Job | None

    @property
    def button_id(self) -> str:
        return f"test-{self.host.pk}"

    @property
    def is_testing(self) -> bool:
        return self.test is not None and self.test.shown_status.in_progress

    @property
    def refusal(self) -> str:
        """Return why no test can start now; "" if it can."""
        return Message("storage.test_runs") if self.is_testing else self.host.refusal


def tested_hosts() -> list[TestedHost]:
    """Return all hosts by name, in two queries."""
    now = timezone.now()
    tests = Job.objects.filter(kind=JobKind.TEST_STORAGE, host=OuterRef("pk")).order_by("-created", "-id")
    hosts: Any = Host.objects.order_by("name").annotate(last_test=Subquery(tests.values("pk")[:1]))
    jobs = Job.objects.in_bulk([host.last_test for host in hosts if host.last_test])
    return [TestedHost(host, host.is_online(now), jobs.get(host.last_test)) for host in hosts]
