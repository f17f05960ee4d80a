"""The agent after a job: the reason of a failure, and the cleanup."""

import errno
import os

import pytest
from django.conf import settings
from django.db import OperationalError, connections

from instances.choices import JobKind, JobStatus
from instances.homes import staging_root
from instances.models import Job
from instances.queue.agent import Agent
from instances.queue.job import JobFailed
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
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "Permission denied (/x)."),
        (OperationalError("database is away"), "The console database is not responding."),
        (ZeroDivisionError(), "Unexpected error: ZeroDivisionError. The agent's log has the details."),
    ],
    ids=["a full disk", "a forbidden file", "a database", "anything else"],
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
