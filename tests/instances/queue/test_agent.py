"""The agent after a job: the reason of a failure, and the cleanup."""

import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, ProgrammingError, connections
from django.utils import timezone

from console.text.errors import explain_file
from instances import hosts
from instances.choices import JobKind, JobStatus
from instances.engines import embedded
from instances.homes import staging_root
from instances.models import Job
from instances.queue import agent as queue_agent
from instances.queue import supervisor as queue_supervisor
from instances.queue.agent import Agent
from instances.queue.job import JobFailed
from instances.queue.supervisor import Server, Supervisor
from instances.queue.work import Work
from tests.factories import make_job
from tests.jobs import claimed, do, steps

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/file"),
            "The work could not be done on this host: No space left on device (/data/file). "
            "Make room on the disk and try again.",
        ),
        (
            OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
            "Too many open files. Let the console open more files (ulimit -n, or LimitNOFILE= in a systemd unit) and "
            "start it again.",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "Permission denied (/x)."),
        (OperationalError("database is away"), "The console database is not responding."),
        (ZeroDivisionError(), "Unexpected error: ZeroDivisionError. The agent's log has the details."),
    ],
    ids=["a full disk", "too many files", "a forbidden file", "a database", "anything else"],
)
def test_a_job_that_fails_unexpectedly_says_why(error: Exception, reason: str) -> None:
    def run(work: Work) -> None:
        raise error

    make_job()
    job = do(kind=steps(run))
    assert job.status == JobStatus.FAILED
    assert job.failure.endswith(reason)
    assert not job.left_behind


@pytest.mark.parametrize("completes", [True, False], ids=["completed", "failed"])
def test_failed_cleanup_is_noted_whether_the_job_completed_or_failed(completes: bool) -> None:
    def run(work: Work) -> None:
        if not completes:
            raise JobFailed("no")

    def clean_up(job: Job) -> None:
        raise OperationalError("away")

    make_job()
    job = do(kind=steps(run, clean_up=clean_up))
    assert job.status == (JobStatus.COMPLETED if completes else JobStatus.FAILED)
    assert job.left_behind


def test_the_sweep_empties_the_staging_folder_and_leaves_the_folder() -> None:
    """The folder may be a mount point, which cannot be removed."""
    (staging_root() / "left" / "over").mkdir(parents=True)
    before = staging_root().stat().st_ino
    Agent(settings.CONSOLE_HOST, {}).sweep()
    assert list(staging_root().iterdir()) == []
    assert staging_root().stat().st_ino == before


@pytest.mark.parametrize("broken", [False, True])
def test_the_end_of_a_job_wakes_the_agent_for_the_next(broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent wakes even if the cleanup of the ended job failed."""

    def clean_up(job: Job) -> None:
        if broken:
            raise OSError(errno.EIO, "Input/output error")

    make_job()
    agent = Agent("local", {JobKind.BACKUP: steps(clean_up=clean_up)})
    monkeypatch.setattr(connections, "close_all", lambda: None)
    work = Work(claimed(), agent.supervisor)
    agent._do(work)
    assert work.ended and agent._ended.is_set()


def test_an_unavailable_storage_is_logged_once_for_each_job_and_asked_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away, now, attempts = True, 0.0, 0

    def clean_up(job: Job) -> None:
        nonlocal attempts
        attempts += 1
        if away:
            raise OSError("the store is not responding")

    caplog.set_level("INFO")
    monkeypatch.setattr(time, "monotonic", lambda: now)
    job = make_job(left_behind=True)
    agent = Agent("local", {JobKind.BACKUP: steps(clean_up=clean_up)})
    while now < 600:
        agent._clean_up_left_behind(timezone.now())
        now += 2
    assert 20 <= attempts <= 25
    [record] = caplog.records
    assert record.message.endswith("failed and will be retried (the store is not responding)") and not record.exc_info
    away, now = False, now + 60
    agent._clean_up_left_behind(timezone.now())
    assert caplog.messages[1:] == [f"Cleaning up after job {job.pk} (backup) succeeded."]
    job.refresh_from_db()
    assert not job.left_behind


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[Agent, str], None]:
    """Return a function that runs 5 rounds of a loop of an agent in the test's own thread."""
    caplog.set_level("INFO")
    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setattr(queue_agent, "close_old_connections", lambda: None)
    monkeypatch.setattr(hosts, "write_heartbeat", lambda host, **_: True)

    def run(agent: Agent, loop: str) -> None:
        waits = iter([False] * 5)
        ended = threading.Event()

        def wait(seconds: float) -> bool:
            if next(waits, True):
                ended.set()
            return ended.is_set()

        monkeypatch.setattr(agent, "_stopping", SimpleNamespace(wait=wait, is_set=ended.is_set))
        getattr(agent, loop)()

    return run


def test_an_unavailable_database_is_logged_when_it_begins_and_when_all_loops_can_use_it_again(
    loops: Callable[[Agent, str], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Other loops may succeed meanwhile: perhaps only the task has to wait for a lock."""
    away, rounds = True, 0

    def task(now: datetime) -> None:
        nonlocal rounds
        rounds += 1
        if away:
            raise OperationalError(f"connection {rounds} refused")

    agent = Agent("local", {}, periodic=[task])
    for _ in range(3):
        loops(agent, "_keep_time")
        loops(agent, "_keep_leases")
    assert caplog.messages == ["The console database is not responding. (connection 1 refused)"]
    assert not caplog.records[0].exc_info
    away = False
    loops(agent, "_keep_time")
    assert rounds > 15 and caplog.messages[1:] == ["The console database responds again."]


@pytest.mark.parametrize("error", [ProgrammingError, DataError, IntegrityError])
@pytest.mark.parametrize(("broken", "other"), [("_keep_time", "_keep_leases"), ("_keep_leases", "_keep_time")])
def test_a_mistake_in_a_query_is_logged_once_with_its_traceback_and_not_as_an_outage(
    broken: str,
    other: str,
    error: type[DatabaseError],
    loops: Callable[[Agent, str], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise error("no such column")

    agent = Agent("local", {}, periodic=[fail] if broken == "_keep_time" else [])
    if broken == "_keep_leases":
        monkeypatch.setattr(hosts, "write_heartbeat", fail)
    for _ in range(3):
        loops(agent, broken)
        loops(agent, other)
    assert_logged_as_mistake(caplog)


def test_a_mistake_in_the_query_that_writes_a_state_is_logged_once_with_its_traceback(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ProgrammingError("no such column")

    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setattr(queue_supervisor, "close_old_connections", fail)
    supervisor = Supervisor("local")
    for _ in range(3):
        supervisor._write_abnormal(Server("i-1", 1, Path()), "It ended.")
    assert_logged_as_mistake(caplog)


def assert_logged_as_mistake(caplog: pytest.LogCaptureFixture) -> None:
    [record] = caplog.records
    assert record.exc_info and record.levelname == "ERROR" and "no such column" in record.message


def test_an_outage_at_the_end_of_a_job_is_logged_once_and_ends_when_the_end_is_written(
    loops: Callable[[Agent, str], None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, failures = make_job(), iter([OperationalError("locked")] * 3)
    agent = Agent("local", {})
    monkeypatch.setattr(agent._stopping, "wait", lambda seconds: False)

    def write() -> bool:
        agent._succeeded("leases", "The leases are renewed again.")
        if error := next(failures, None):
            raise error
        return True

    assert agent._persist(job, write)
    what = f"The end of job {job.pk} (backup)"
    assert caplog.messages == [f"{what} could not be written and will be retried (locked)", f"{what} has been written."]


@pytest.mark.parametrize("reason", ["The disk is full.", "The disk is full"])
def test_the_log_ends_the_reason_of_a_failure_with_one_full_stop(reason: str, caplog: pytest.LogCaptureFixture) -> None:
    def run(work: Work) -> None:
        raise JobFailed(reason)

    caplog.set_level("INFO")
    job = make_job()
    do(kind=steps(run))
    assert f"Job {job.id} (backup) failed: The disk is full." in caplog.messages


@pytest.mark.parametrize("said", ["Its program is missing.", "Its program is missing"])
def test_the_reason_that_a_file_could_not_be_used_ends_without_a_full_stop(said: str) -> None:
    assert explain_file(OSError(said)) == "Its program is missing"


def test_a_server_that_ends_again_and_again_is_logged_until_it_runs_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    supervisor = Supervisor("local")
    monkeypatch.setattr(supervisor, "_write_abnormal", lambda server, reason: None)
    server = Server("i-1", 1, tmp_path)
    ended = subprocess.Popen(["false"])
    ended.wait()
    for _ in range(5):
        server.process = ended
        supervisor._died(server, time.monotonic())
    assert caplog.messages == ["The server of instance i-1 ended (1)"]
    server.spawned_at = time.monotonic() - 61
    server.facts_at = time.monotonic() + 60
    supervisor._answered(server, embedded().watch(server.address), time.monotonic())
    assert caplog.messages[1:] == ["The server of instance i-1 runs well again."]
