"""Task Center: every job, as a page and as a refresh fragment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backups.models import Backup
from backups.services.create import create_backup
from console.templatetags.console_formats import duration
from instances.choices import JobKind, JobStatus, Step
from instances.models import Instance, Job
from tests.answers import read
from tests.factories import make_instance, make_job, make_user, reading
from tests.jobs import claimed, fail, fail_unrenewed

pytestmark = pytest.mark.django_db
TASKS = reverse("instances:tasks")
STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def shown(answer: Any) -> list[Job]:
    tasks: list[Job] = answer.context["tasks"]
    return tasks


def test_a_row_shows_the_main_facts(plain: Client) -> None:
    instance = make_instance(name="orders")
    job = make_job(
        instance=instance,
        kind=JobKind.CREATE_INSTANCE,
        status=JobStatus.COMPLETED,
        progress=100,
        requested_by=make_user(username="mira"),
        created=STARTED - timedelta(seconds=3),
        started=STARTED,
        ended=STARTED + timedelta(minutes=4, seconds=10),
    )
    html = read(plain.get(TASKS).text)
    for text in (
        *("Create instance", str(job.id), "orders", instance.id, "Completed", "by mira", "4 min 10 s"),
        "Mar 1, 2026 11:59:57 UTC",
    ):
        assert text in html, text
    assert "Mar 1, 2026 12:00:00 UTC" not in html, "the task's page has the other times"
    assert f'href="{job.get_absolute_url()}"' in html
    assert f'href="{instance.get_absolute_url()}"' in html
    assert "<progress" not in html and "Interrupted</span>" not in html


def test_a_running_task_shows_its_progress_and_refreshes_itself(plain: Client, htmx: Client) -> None:
    job = make_job(instance=make_instance(), status=JobStatus.RUNNING, progress=42, started=STARTED)
    html = plain.get(TASKS).content.decode()
    assert 'value="42"' in html and "42 %" in html and "every 1s" in html and "by the console" in html
    Job.objects.filter(pk=job.pk).update(detail=reading(step=Step.COPY, speed=1024.0, left=200.0))
    html = plain.get(TASKS).content.decode()
    assert "Copying the databases: 1.8\xa0MB of 4.0\xa0MB" in html and "1.0\xa0KB/s" in html
    assert "about 4 min left<" in html and 'role="tooltip" id="progress-' not in html, "in plain sight"
    version = html.split('data-version="')[1].split('"')[0]
    assert htmx.get(TASKS, {"version": version}).status_code == 204
    Job.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED, ended=STARTED)
    news = htmx.get(TASKS, {"version": version})
    assert news.status_code == 200
    assert "every 1s" not in news.content.decode() and "<html" not in news.content.decode()


def test_a_failed_task_says_why_and_whether_it_was_interrupted(plain: Client) -> None:
    make_job(instance=make_instance(), status=JobStatus.FAILED, failure="The disk is full.")
    html = plain.get(TASKS).content.decode()
    assert "The disk is full." in html and 'data-tone="bad">Failed' in html and "Interrupted</span>" not in html
    make_job(instance=make_instance(), status=JobStatus.FAILED, failure="The agent stopped.", interrupted=True)
    assert "Interrupted</span>" in plain.get(TASKS).content.decode()


def test_a_task_keeps_the_last_name_of_its_deleted_instance(plain: Client) -> None:
    make_job(instance=make_instance(name="long-gone"), status=JobStatus.COMPLETED)
    Instance.objects.all().delete()
    html = plain.get(TASKS).content.decode()
    assert "long-gone" in html and "Deleted</span>" in html


def test_a_task_links_to_its_backup_while_the_backup_exists(plain: Client) -> None:
    backup = create_backup(instance=make_instance(), name="nightly", requested_by=None)
    answer = plain.get(TASKS)
    assert f'href="{backup.get_absolute_url()}">nightly</a>' in answer.content.decode()
    assert "nightly" in plain.get(backup.get_absolute_url()).content.decode()
    Backup.objects.all().delete()
    assert "nightly" not in plain.get(TASKS).content.decode()


def test_tasks_can_be_filtered_by_status_kind_instance_and_time(plain: Client) -> None:
    orders, users = make_instance(name="orders"), make_instance(name="users")
    made = make_job(instance=orders, kind=JobKind.CREATE_INSTANCE, status=JobStatus.COMPLETED, created=STARTED)
    failed = make_job(instance=orders, kind=JobKind.BACKUP, status=JobStatus.FAILED)
    cut = make_job(instance=users, kind=JobKind.BACKUP, status=JobStatus.FAILED, interrupted=True)
    queued = make_job(instance=users, kind=JobKind.DELETE_INSTANCE)
    for query, found in {
        "status=Completed": {made},
        "status=Failed": {failed, cut},
        "status=interrupted": {cut},
        "status=Queued": {queued},
        "kind=backup": {failed, cut},
        "kind=backup&status=Failed&instance=orders": {failed},
        f"instance={orders.id}": {made, failed},
        f"q={users.id}": {cut, queued},
        f"q={made.id}": {made},
        f"q={made.id.hex}": {made},
        "q=ORD": {made, failed},
        "until=2026-03-01T12:00": {made},
        "since=2026-03-01T12:01": {failed, cut, queued},
        "q=nothing": set(),
    }.items():
        assert set(shown(plain.get(f"{TASKS}?{query}"))) == found, query


def test_the_newest_task_comes_first_unless_sorted_otherwise(plain: Client) -> None:
    made = [make_job(instance=make_instance(), created=STARTED + timedelta(minutes=minute)) for minute in range(3)]
    assert shown(plain.get(TASKS)) == made[::-1]
    assert shown(plain.get(f"{TASKS}?sort=created")) == made


def test_the_pages_of_an_instance_link_to_its_tasks(plain: Client) -> None:
    instance = make_instance()
    for path in (instance.get_absolute_url(), reverse("backups:instance", args=[instance.id])):
        own = reverse("instances:instance-tasks", args=[instance.id])
        assert f'href="{own}"' in plain.get(path).content.decode()


def test_an_empty_list_and_an_empty_search_say_so(plain: Client) -> None:
    html = plain.get(TASKS).content.decode()
    assert "will be listed here" in html and "<table" not in html
    html = plain.get(f"{TASKS}?status=Failed").content.decode()
    assert "No task matches." in html and "Show all tasks" in html


def test_wrong_methods_and_anonymous_users_are_rejected(plain: Client, client: Client) -> None:
    assert plain.post(TASKS).status_code == 405
    assert client.get(TASKS).status_code == 302


def test_only_a_job_whose_agent_died_is_interrupted() -> None:
    for interrupted in (True, False):
        make_job(instance=make_instance())
        job = claimed()
        if interrupted:
            assert fail_unrenewed() == 1
        else:
            fail(job, "The disk is full.")
        job.refresh_from_db()
        assert (job.status, job.interrupted) == (JobStatus.FAILED, interrupted)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (None, "–"),
        (-1, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.24, "240 ms"),
        (3.44, "3.4 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (86_700, "24 h 5 min"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(length: float | None, text: str) -> None:
    assert duration(length) == text
    assert length is None or duration(timedelta(seconds=length)) == text


# --- The tasks of one instance ------------------------------------------------------------------------------


def test_an_instance_lists_only_its_own_tasks(plain: Client) -> None:
    instance = make_instance(name="orders")
    mine = make_job(instance=instance)
    make_job(instance=make_instance())
    answer = plain.get(reverse("instances:instance-tasks", args=[instance.id]))
    assert [task.id for task in answer.context["tasks"]] == [mine.id]
    assert 'name="instance"' not in answer.text and "Show all tasks" not in answer.text
    exported = plain.get(answer.context["page"].export)
    assert "tasks-orders" in exported.headers["Content-Disposition"]
    body = b"".join(exported.streaming_content).decode()  # type: ignore[attr-defined]
    assert str(mine.id) in body and body.count("\n") == 2


def test_the_tasks_of_an_unknown_instance_are_404(plain: Client) -> None:
    assert plain.get(reverse("instances:instance-tasks", args=["unknown"])).status_code == 404
