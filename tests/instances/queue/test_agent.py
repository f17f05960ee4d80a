"""The agent after a job: the reason of a failure, and the cleanup."""

import errno
import os
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connections
from django.utils import timezone

from instances import hosts
from instances.choices import JobKind, JobStatus
from instances.engines import embedded
from instances.homes import staging_root
from instances.models import Job
from instances.queue import agent as queue_agent
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


def test_an_unavailable_database_is_logged_when_it_begins_and_when_it_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(now: datetime) -> None:
        rounds.append(now)
        if len(rounds) == 20:
            agent._stopping.set()
        raise OperationalError(f"connection {len(rounds)} refused")

    caplog.set_level("INFO")
    rounds: list[datetime] = []
    agent = Agent("local", {}, periodic=[fail])
    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setattr(queue_agent, "close_old_connections", lambda: None)
    monkeypatch.setattr(queue_agent, "PERIODIC_EVERY", 0)
    agent._keep_time()
    assert caplog.messages == ["The console database is not responding. (connection 1 refused)"]
    assert not caplog.records[0].exc_info

    def write_heartbeat(host: str, **_: object) -> bool:
        agent._stopping.set()
        return True

    agent._stopping.clear()
    monkeypatch.setattr(hosts, "write_heartbeat", write_heartbeat)
    monkeypatch.setattr(agent._stopping, "wait", lambda seconds: agent._stopping.is_set())
    agent._keep_leases()
    assert caplog.messages[1:] == ["The console database responds again."]


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
