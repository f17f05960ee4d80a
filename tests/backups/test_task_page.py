"""The page of a task: what it was about, its steps with their times, its log, and why it failed."""

import logging
import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backups.choices import RestorationWay
from backups.jobs.parameters import BackupParameters
from backups.models import Backup
from backups.services.restore import new_restoration
from backups.services.verify import verify_backup
from console.processes import secrets
from instances.choices import JobKind, JobStatus, Step
from instances.models import Instance, Job, JobRecord
from instances.queue import record as records
from instances.queue.job import LeaseLost
from instances.queue.work import Work
from tests.answers import read
from tests.factories import make_backup, make_instance, make_job, make_running_job, make_user
from tests.jobs import claimed, do, steps, work_on

pytestmark = pytest.mark.django_db
STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)
log = logging.getLogger(__name__)


def shown(client: Client, job: Job) -> str:
    answer = client.get(job.get_absolute_url())
    assert answer.status_code == 200
    return read(answer.text)


def failed(**fields: Any) -> Job:
    ended = {"started": STARTED, "ended": STARTED + timedelta(seconds=90), "failure": "The disk is full."}
    return make_job(**{"status": JobStatus.FAILED, **ended, **fields})


# --- What the page shows ---------------------------------------------------------------------------------------------


def test_the_page_shows_who_requested_what_and_when_and_the_reason_in_full(plain: Client) -> None:
    reason = "The disk of the host is full. " * 20
    backup = make_backup(name="nightly")
    job = failed(
        instance=backup.instance,
        parameters=BackupParameters.of(backup).to_json(),
        requested_by=make_user(username="mira"),
        failure=reason,
    )
    html = shown(plain, job)
    for text in (
        *("Backup", str(job.id), "Failed", reason.strip(), "mira", "local", "1 min 30 s", backup.instance_uid),
        *("Mar 1, 2026 12:00:00 UTC", "Mar 1, 2026 12:01:30 UTC", "No steps are stored", "No lines are stored"),
    ):
        assert text in html, text
    assert backup.instance is not None
    for path in (backup.get_absolute_url(), backup.instance.get_absolute_url()):
        assert f'href="{path}"' in html
    assert "every 1s" not in html


def test_the_page_keeps_the_names_of_a_deleted_instance_and_backup(plain: Client) -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly")
    job = failed(instance=backup.instance, parameters=BackupParameters.of(backup).to_json(), requested_by=None)
    Backup.objects.all().delete()
    Instance.objects.all().delete()
    html = shown(plain, job)
    assert html.count("Deleted</span>") == 2 and "orders" in html and "nightly" in html and "The console" in html


def test_the_page_of_a_restoration_links_to_the_backup_of_the_replaced_data(plain: Client) -> None:
    backup = make_backup()
    assert backup.instance is not None
    safety, job = make_backup(backup.instance, name="before-it"), failed(kind=JobKind.RESTORE_ORIGINAL)
    made = new_restoration(backup, backup.instance, way=RestorationWay.ORIGINAL, safety_backup=safety, job=job)
    made.save(force_insert=True)
    assert f'href="{safety.get_absolute_url()}"' in shown(plain, job)
    assert job.get_absolute_url() in plain.get(reverse("backups:instance", args=[backup.instance_uid])).text


def test_each_step_has_its_time_and_the_last_one_the_end_of_the_task(plain: Client) -> None:
    job, at = failed(), STARTED.timestamp()
    JobRecord.objects.create(job=job, steps=[["snapshot", at], ["copy", at + 2.5], ["of-the-future", at + 60]])
    answer = plain.get(job.get_absolute_url())
    assert [(str(step.label), step.status, step.duration.total_seconds()) for step in answer.context["steps"]] == [
        ("Opening the snapshot", JobStatus.COMPLETED, 2.5),
        ("Copying the databases", JobStatus.COMPLETED, 57.5),
        ("of-the-future", JobStatus.FAILED, 30),
    ]
    assert "Mar 1, 2026 12:00:02 UTC" in read(answer.text)


def test_a_running_task_shows_its_step_and_refreshes_itself_until_it_has_ended(plain: Client, htmx: Client) -> None:
    job = make_running_job(instance=make_instance(), progress=42)
    JobRecord.objects.create(job=job, steps=[["copy", STARTED.timestamp()]], log="12:00 copying")
    answer = plain.get(job.get_absolute_url())
    assert 'value="42"' in answer.text and "every 1s" in answer.text and "12:00 copying" in answer.text
    assert [(step.status, step.duration) for step in answer.context["steps"]] == [(JobStatus.RUNNING, None)]
    version = re.findall('data-version="(.*?)"', answer.text)[0]
    assert htmx.get(job.get_absolute_url(), {"version": version}).status_code == 204
    Job.objects.update(status=JobStatus.CANCELLED, failure="cancelled by ann", ended=STARTED, left_behind=True)
    news = htmx.get(job.get_absolute_url(), {"version": version})
    assert news.status_code == 200 and "<html" not in news.text and "every 1s" not in news.text
    assert "Cancelled by ann" in news.text and 'data-tone="bad"' not in news.text


@pytest.mark.parametrize("path", ["task", "task-retry"])
def test_unknown_wrong_method_and_signed_out(htmx: Client, client: Client, path: str) -> None:
    assert htmx.get(reverse(f"backups:{path}", args=[uuid.uuid4()])).status_code == 404
    url = reverse(f"backups:{path}", args=[failed().id])
    assert htmx.put(url).status_code == 405
    assert client.get(url).status_code == 302


def test_the_page_costs_the_same_few_queries_with_and_without_a_record(
    plain: Client, django_assert_num_queries: Any
) -> None:
    backup = make_backup()
    job = failed(instance=backup.instance, parameters=BackupParameters.of(backup).to_json())
    with CaptureQueriesContext(connection) as without:
        plain.get(job.get_absolute_url())
    JobRecord.objects.create(job=job, steps=[["copy", 0.0]] * 9, log="line\n" * 200)
    with django_assert_num_queries(len(without)):
        plain.get(job.get_absolute_url())


def test_the_list_does_not_read_the_records(plain: Client, django_assert_num_queries: Any) -> None:
    JobRecord.objects.create(job=failed(), log="not in the list")
    html = plain.get(reverse("instances:tasks")).text
    assert "not in the list" not in html and '<p class="failure reason secondary">The disk is full.</p>' in html


def test_a_backup_links_to_the_tasks_that_made_and_verified_it(plain: Client, user: User) -> None:
    backup = make_backup(job=make_job(kind=JobKind.BACKUP))
    verification = verify_backup(backup=backup, requested_by=user)
    html = plain.get(backup.get_absolute_url()).text
    assert backup.job is not None
    assert backup.job.get_absolute_url() in html and verification.get_absolute_url() in html


# --- What the agent records ------------------------------------------------------------------------------------------


def stored() -> JobRecord:
    return JobRecord.objects.get()


def test_the_steps_of_a_backup_are_recorded_in_order(user: User) -> None:
    make_job(instance=make_instance())

    def run(work: Work) -> None:
        for step in (Step.SNAPSHOT, Step.COPY, Step.COPY, Step.CLOSE):
            work.begin(step)

    do(kind=steps(run))
    assert [code for code, _at in stored().steps] == ["snapshot", "copy", "close"]
    times = [at for _code, at in stored().steps]
    assert times == sorted(times)


def test_a_step_is_one_write_and_only_with_the_lease(django_assert_num_queries: Any) -> None:
    make_job(instance=make_instance())
    work = work_on(claimed())
    with django_assert_num_queries(4):
        # The transaction is two of these.
        work.begin(Step.COPY)
    with django_assert_num_queries(0):
        work.begin(Step.COPY)
    Job.objects.update(token=uuid.uuid4())
    with pytest.raises(LeaseLost):
        work.begin(Step.CLOSE)
    assert [code for code, _at in stored().steps] == ["copy"]


def test_a_step_that_the_database_misses_is_in_the_next_write(monkeypatch: pytest.MonkeyPatch) -> None:
    make_job(instance=make_instance())
    work = work_on(claimed())

    def away(token: object) -> None:
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(records, "require_lease", away)
        patched.setattr(connections, "close_all", lambda: None)
        work.begin(Step.SNAPSHOT)
    assert not JobRecord.objects.exists()
    work.begin(Step.COPY)
    assert [code for code, _at in stored().steps] == ["snapshot", "copy"]


def test_the_log_has_the_lines_of_the_job_alone_from_its_start_to_its_end() -> None:
    job = make_job(instance=make_instance())

    def run(work: Work) -> None:
        other = threading.Thread(target=log.warning, args=["of another job"])
        other.start()
        other.join()
        log.warning("Of this job, with an invisible \u202e character.")

    do(kind=steps(run))
    lines = stored().log.split("\n")
    assert lines[0].endswith(f"INFO Job {job.id} (backup) of instance {job.instance_uid} started.")
    assert lines[1].endswith(r"WARNING Of this job, with an invisible \u202e character.")
    assert lines[2].endswith(f"INFO Job {job.id} (backup) completed.") and len(lines) == 3
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO", lines[0])


def test_the_log_names_an_exception_without_its_text() -> None:
    make_job(instance=make_instance())

    def run(work: Work) -> None:
        raise ValueError("the document {'card': 4111}")

    do(kind=steps(run))
    assert "4111" not in stored().log
    assert re.search(r"ERROR .* failed unexpectedly\. \(ValueError in test_task_page\.py, line \d+\)", stored().log)


def test_the_log_never_has_the_password_of_the_job() -> None:
    id = uuid.uuid4()
    make_job(id=id, instance=make_instance(), secret=secrets.seal("Correct-horse-7", purpose=str(id)))
    do(kind=steps(lambda work: log.warning("It says Correct-horse-7.")))
    assert "Correct-horse-7" not in stored().log and "It says ***." in stored().log


def test_the_log_is_limited_to_the_last_lines_and_bytes() -> None:
    make_job(instance=make_instance())
    do(kind=steps(lambda work: [log.warning("line %d", number) for number in range(500)]))  # type: ignore[func-returns-value]
    lines = stored().log.split("\n")
    assert len(lines) == records.LINES and lines[-2].endswith("line 499") and "completed" in lines[-1]
    JobRecord.objects.all().delete()
    make_job(instance=make_instance())
    do(kind=steps(lambda work: [log.warning("ü" * 5000) for _ in range(100)]))  # type: ignore[func-returns-value]
    assert len(stored().log.encode()) <= records.BYTES and "completed" in stored().log


def test_a_record_goes_with_its_task_and_a_deleted_task_gets_none() -> None:
    make_job(instance=make_instance())
    do(kind=steps(lambda work: work.begin(Step.COPY)))
    Job.objects.all().delete()
    assert not JobRecord.objects.exists()
