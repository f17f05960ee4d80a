"""Instances whose servers start with the agent are Restarting, not Abnormal; a failed start keeps its reason."""

import errno
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from instances.choices import State, Status
from instances.engines.embedded import process
from instances.models import Instance
from instances.queue import supervisor as queue_supervisor
from instances.queue.supervisor import StartFailed, Supervisor
from tests.factories import make_instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def starting() -> Instance:
    """An instance that was Available when its agent started."""
    instance = make_instance(name="orders")
    Supervisor("local").begin()
    instance.refresh_from_db()
    return instance


def test_a_server_that_starts_with_the_agent_is_restarting(starting: Instance) -> None:
    assert (starting.status, starting.failure) == (Status.RESTARTING, "")
    assert starting.in_transition and not starting.is_down
    assert starting.backup_refusal and starting.restart_refusal


def test_pages_do_not_call_it_a_fault(starting: Instance, plain: Client) -> None:
    for page in (reverse("instances:list"), reverse("instances:detail", args=[starting.id])):
        html = plain.get(page).text
        assert "Restarting" in html and "The database server is down." not in html
    assert not Instance.objects.faulty().exists() and not Instance.objects.down().exists()


def test_lists_and_counts_find_it_among_the_restarting(starting: Instance, plain: Client) -> None:
    found = plain.get(reverse("instances:list"), {"status": "RESTART"}).context["instances"]
    assert found == [starting]
    assert Instance.objects.by_status() == {Status.RESTARTING: 1}


def test_an_instance_that_was_down_before_stays_abnormal() -> None:
    instance = make_instance(state=State.ABNORMAL, failure="The disk is full.")
    Supervisor("local").begin()
    instance.refresh_from_db()
    assert (instance.status, instance.failure) == (Status.ABNORMAL, "The disk is full.")


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    made = Supervisor("local")
    monkeypatch.setattr(queue_supervisor, "START_SECONDS", 1.0)
    monkeypatch.setattr(made, "_write_abnormal", lambda server, reason: None)
    return made


def why_not_started(supervisor: Supervisor, home: Path) -> str:
    process.prepare(home)
    with ThreadPoolExecutor(1) as job:
        start = job.submit(supervisor.start_scratch, "i-1", 1, home)
        while not start.done():
            supervisor.tick()
            wait([start], timeout=0.01)
    error = start.exception()
    assert isinstance(error, StartFailed)
    return str(error)


def test_a_server_that_could_not_be_started_says_why(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spawn(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(process, "spawn", spawn)
    said = "The database server could not be started: No space left on device. Make room on the disk and try again."
    assert why_not_started(supervisor, tmp_path / "home") == said


def test_the_reason_why_a_server_ended_is_not_forgotten_while_it_starts_again(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may be full only when the server ends."""
    said = iter(["The disk of the database server is full."])
    ended = subprocess.Popen(["false"])
    ended.wait()
    monkeypatch.setattr(process, "spawn", lambda *_, **__: ended)
    monkeypatch.setattr(process, "last_words", lambda home: next(said, ""))
    assert why_not_started(supervisor, tmp_path / "home") == "The disk of the database server is full."
