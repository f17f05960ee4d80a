"""News that every page polls for: the viewer's running tasks, ended tasks, and agents that stopped responding."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.services.create import create_backup
from backups.services.delete import delete_backup
from console.accounts.roles import Role
from console.web.started import key_of
from instances import activity, hosts
from instances.activity import Notified, activity_and_notifications
from instances.choices import JobKind, JobStatus, State
from instances.models import Host, Instance, Job
from tests.factories import make_backup, make_host, make_instance, make_job, make_user

pytestmark = pytest.mark.django_db
ACTIVITY = reverse("activity")
EVERY_PAGE = [reverse(name) for name in ("instances:list", "instances:tasks", "backups:list", "audit", "sessions")]


@pytest.fixture(autouse=True)
def agent() -> Host:
    return make_host()


def ended(user: User | None, kind: JobKind = JobKind.BACKUP, ago: float = 0, **fields: Any) -> Job:
    """Create a job about the backup `nightly` that ended `ago` seconds ago."""
    fields.setdefault("status", JobStatus.COMPLETED)
    fields.setdefault("parameters", {"backup": "0" * 32 + "br02", "backup_name": "nightly"})
    return make_job(kind=kind, requested_by=user, ended=timezone.now() - timedelta(seconds=ago), **fields)


class Browser:
    """A browser that remembers its cursor and the version that it shows, like the page's script."""

    def __init__(self, client: Client, ago: float = 5) -> None:
        self.client = client
        self.cursor = str(Notified(timezone.now() - timedelta(seconds=ago)))
        self.version = ""

    def ask(self, *, hidden: bool = False) -> dict[str, Any] | None:
        """Return the news; None if there is none."""
        query = {"version": self.version} | ({} if hidden else {"since": self.cursor})
        answer = self.client.get(ACTIVITY, query)
        if answer.status_code == 204:
            return None
        assert answer.status_code == 200, answer
        news: dict[str, Any] = answer.json()
        self.version, self.cursor = news["version"], news.get("cursor", self.cursor)
        return news

    def toasts(self) -> list[tuple[str, str]]:
        return [(toast["message"], toast["tone"]) for toast in (self.ask() or {"toasts": []})["toasts"]]


@pytest.fixture
def browser(plain: Client) -> Browser:
    return Browser(plain)


# --- Ended tasks ---------------------------------------------------------------------------------------------


def test_a_finished_backup_is_reported_once_with_a_link(user: User, browser: Browser) -> None:
    job = ended(user)
    news = browser.ask()
    assert news is not None
    url = reverse("backups:detail", args=["0" * 32 + "br02"])
    assert news["toasts"] == [
        {
            "message": "Backup “nightly” is complete.",
            "tone": "ok",
            "url": url,
            "link": "Show",
            "keys": [key_of(job.id)],
        },
    ]
    assert browser.ask() is None, "told once, and nothing has changed since"


def test_a_failed_task_says_why(user: User, browser: Browser) -> None:
    ended(user, status=JobStatus.FAILED, failure="The disk is full.")
    assert browser.toasts() == [("Backup “nightly” failed: The disk is full.", "bad")]


def test_a_cancelled_task_is_not_a_failure(user: User, browser: Browser) -> None:
    ended(user, status=JobStatus.CANCELLED, failure="cancelled by ann")
    assert browser.toasts() == [("Backup “nightly” is cancelled.", "neutral")]


def test_nobody_is_notified_of_a_cancelled_automated_backup(user: User, browser: Browser) -> None:
    ended(None, status=JobStatus.CANCELLED, failure="cancelled by ann")
    assert browser.toasts() == []


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
@pytest.mark.parametrize("kind", JobKind)
def test_every_kind_of_task_is_named_and_links_to_a_page(
    user: User, browser: Browser, kind: JobKind, status: JobStatus
) -> None:
    instance = make_instance(name="orders")
    parameters = {"backup": make_backup(instance).id, "backup_name": "nightly"} if "instance" not in kind else {}
    ended(user, kind, status=status, failure="No.", instance=instance, instance_name="orders", parameters=parameters)
    news = browser.ask()
    assert news is not None
    (toast,) = news["toasts"]
    assert any(name in toast["message"] for name in ("“orders”", "“nightly”", "The storage")), toast
    assert toast["message"].endswith(": No." if status == JobStatus.FAILED else ".")
    assert browser.client.get(toast["url"]).status_code == 200


@pytest.mark.parametrize("kind", [JobKind.DELETE_BACKUP, JobKind.BACKUP, JobKind.VERIFY, JobKind.RESTORE_ORIGINAL])
def test_a_task_without_the_name_of_its_backup_is_reported_by_its_kind(
    user: User, browser: Browser, kind: JobKind
) -> None:
    ended(user, kind, ago=1, status=JobStatus.FAILED, failure="The disk is full.", parameters={})
    ended(user, kind, parameters={})
    failed, done = browser.toasts()
    assert failed == (f"Task “{kind.label}” failed: The disk is full.", "bad")
    assert done == (f"Task “{kind.label}” is completed.", "ok")


def test_the_task_is_shown_if_its_object_no_longer_exists(user: User, browser: Browser) -> None:
    job = ended(user, JobKind.DELETE_INSTANCE, instance_name="orders", parameters={})
    news = browser.ask()
    assert news is not None and news["toasts"][0]["message"] == "Instance “orders” is deleted."
    assert str(job.id) in browser.client.get(news["toasts"][0]["url"]).content.decode()


def test_tasks_of_other_users_are_not_reported(browser: Browser) -> None:
    ended(make_user())
    ended(make_user(), status=JobStatus.FAILED)
    assert browser.toasts() == []


@pytest.mark.parametrize("role", Role)
def test_a_failed_automated_backup_is_reported_to_every_user_with_a_role(role: Role) -> None:
    client = Client()
    client.force_login(make_user(role))
    ended(None)
    ended(None, JobKind.DELETE_BACKUP, status=JobStatus.FAILED)
    ended(None, status=JobStatus.FAILED, failure="The disk is full.", instance_name="orders")
    assert Browser(client).toasts() == [
        ("Automated backup “nightly” of “orders” failed: The disk is full.", "bad"),
    ]


def test_tasks_that_ended_before_the_page_loaded_are_not_reported(user: User, browser: Browser) -> None:
    ended(user, ago=6)
    assert browser.toasts() == []


def test_a_task_whose_end_is_written_late_is_reported(user: User, browser: Browser) -> None:
    ended(user, ago=1)
    assert len(browser.toasts()) == 1
    ended(user, JobKind.RESTART, ago=3, instance_name="orders")
    assert browser.toasts() == [("Instance “orders” is restarted.", "ok")]


def test_deletions_requested_together_are_reported_together(user: User, browser: Browser) -> None:
    last = make_job(kind=JobKind.DELETE_BACKUP, requested_by=user, status=JobStatus.RUNNING)
    for _ in range(11):
        ended(user, JobKind.DELETE_BACKUP)
    assert browser.toasts() == []
    Job.objects.filter(pk=last.pk).update(status=JobStatus.COMPLETED, ended=timezone.now())
    assert browser.toasts() == [("12 backups are deleted.", "ok")]
    assert browser.toasts() == []


def test_failures_come_first_and_further_tasks_are_counted(user: User, browser: Browser) -> None:
    for number in range(6):
        ended(user, JobKind.RESTART, instance_name=f"fine-{number}")
    ended(user, JobKind.RESTART, instance_name="ill", status=JobStatus.FAILED, failure="No.")
    toasts = browser.toasts()
    assert len(toasts) == 5 and toasts[0] == ("Restarting instance “ill” failed: No.", "bad")
    assert toasts[-1] == ("3 more tasks have ended.", "ok")


def test_a_returning_user_sees_tasks_of_the_last_day(user: User, plain: Client) -> None:
    ended(user, ago=3600 * 30)
    ended(user, JobKind.RESTART, ago=3600 * 20, instance_name="orders")
    assert Browser(plain, ago=3600 * 48).toasts() == [("Instance “orders” is restarted.", "ok")]


@pytest.mark.parametrize("cursor", ["", "yesterday", "99999999999999999999", "-5", "1~<script>", "~"])
def test_an_invalid_cursor_is_no_error(user: User, plain: Client, cursor: str) -> None:
    answer = plain.get(ACTIVITY, {"since": cursor})
    assert answer.status_code == 200 and answer.json()["toasts"] == []


def test_a_cursor_moves_on_even_if_nothing_ends(user: User, plain: Client) -> None:
    browser = Browser(plain, ago=600)
    before = browser.cursor
    assert browser.ask() is not None and browser.cursor != before
    assert browser.ask() is None


def test_a_cursor_can_be_read_back() -> None:
    now = datetime(2026, 11, 22, 9, 14, 3, tzinfo=UTC)
    notified = Notified(now - timedelta(seconds=7), frozenset({"ab", "cd"}))
    assert Notified.parse(str(notified), now) == notified


def test_services_store_the_name_of_the_backup_for_the_toast(user: User, browser: Browser) -> None:
    create_backup(instance=make_instance(), name="before-upgrade", requested_by=user)
    Job.objects.update(status=JobStatus.COMPLETED, ended=timezone.now())
    assert browser.toasts() == [("Backup “before-upgrade” is complete.", "ok")]
    whole = make_backup(name="old-one")
    delete_backup(backup=whole, requested_by=user)
    Job.objects.unended().update(status=JobStatus.COMPLETED, ended=timezone.now())
    assert browser.toasts() == [("Backup “old-one” is deleted.", "ok")]


# --- The viewer's running tasks --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_the_title_of_every_page_counts_the_viewers_running_tasks(user: User, plain: Client, path: str) -> None:
    assert "<title>(" not in plain.get(path).content.decode()
    make_job(requested_by=user, status=JobStatus.RUNNING)
    make_job(requested_by=user, status=JobStatus.QUEUED)
    make_job(requested_by=make_user(), status=JobStatus.RUNNING)
    make_job(requested_by=None, status=JobStatus.RUNNING)
    assert "<title>(2) " in plain.get(path).content.decode()


def test_news_counts_running_tasks_and_is_sent_only_once(user: User, browser: Browser) -> None:
    job = make_job(requested_by=user, status=JobStatus.RUNNING)
    news = browser.ask()
    assert news is not None and news["running"] == 1 and browser.ask() is None
    Job.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, ended=timezone.now())
    news = browser.ask()
    assert news is not None and news["running"] == 0 and len(news["toasts"]) == 1


def test_a_hidden_page_gets_the_count_and_leaves_toasts_to_other_pages(user: User, browser: Browser) -> None:
    ended(user)
    make_job(requested_by=user)
    news = browser.ask(hidden=True)
    assert news is not None and news["running"] == 1 and news["toasts"] == []
    assert len(browser.toasts()) == 1, "when it is shown again"


@pytest.mark.parametrize("rows", [1, 50])
def test_a_request_needs_three_queries_besides_the_session_and_its_user(
    user: User, browser: Browser, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_job(requested_by=user, instance=make_instance(), status=JobStatus.RUNNING)
        ended(user, instance=make_instance())
    for _ in range(2):
        with django_assert_num_queries(5):
            browser.ask()


def test_a_request_reads_few_jobs_however_many_exist(user: User) -> None:
    """No query plan scans all jobs. SQLite's plans do not depend on the number of jobs."""
    with connection.execute_wrapper(explained := Explained()):
        activity_and_notifications(user, Notified(timezone.now()), timezone.now())
    of_jobs = [plan for plan in explained.plans if "instances_job " in plan]
    if connection.vendor != "sqlite":
        return
    assert of_jobs
    for plan in of_jobs:
        assert "job_of_user_by_end (requested_by_id=? AND ended" in plan, plan
    assert [plan for plan in explained.plans if "SEARCH U0" in plan and "(status=?)" in plan], "work of hosts"


class Explained:
    def __init__(self) -> None:
        self.plans: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if connection.vendor == "sqlite" and sql.startswith("SELECT"):
            plan = connection.connection.execute(f"EXPLAIN QUERY PLAN {sql % (('?',) * len(params))}", params)
            self.plans += [str(step[-1]) for step in plan]
        return execute(sql, params, many, context)


# --- Permissions ---------------------------------------------------------------------------------------------


def test_a_user_without_a_role_gets_no_news_and_pages_do_not_ask() -> None:
    client = Client()
    client.force_login(User.objects.create_user("nobody"))
    assert client.get(ACTIVITY).status_code == 403
    html = client.get(reverse("sessions")).content.decode()
    assert "data-activity" not in html and 'role="status"></div>' in html


def test_a_page_whose_session_has_ended_gets_401(client: Client) -> None:
    assert client.get(ACTIVITY).status_code == 302
    assert client.get(ACTIVITY, headers={"HX-Request": "true"}).status_code == 401


def test_a_post_is_405(plain: Client) -> None:
    assert plain.post(ACTIVITY).status_code == 405


# --- Agents that have stopped responding -------------------------------------------------------------------------


def silent(name: str = "local", seconds: float = 60) -> Host:
    return make_host(name, seen=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_says_that_an_agent_is_offline(plain: Client, path: str) -> None:
    make_instance()
    assert "has stopped responding" not in plain.get(path).content.decode()
    silent()
    html = plain.get(path).content.decode()
    assert "Host local is offline: its agent has stopped responding." in html
    assert "wait until its agent is back" in html and "manage.py up" in html


def test_the_advice_fits_the_role() -> None:
    make_instance()
    silent()
    client = Client()
    client.force_login(make_user(Role.READ_ONLY))
    html = client.get(reverse("backups:list")).content.decode()
    assert "Ask an administrator to start it." in html and "manage.py" not in html


def test_the_notice_appears_once_and_disappears_by_itself(browser: Browser) -> None:
    make_instance()
    first = browser.ask()
    assert first is not None and "stopped responding" not in first["notices"]
    silent()
    news = browser.ask()
    assert news is not None and "has stopped responding" in news["notices"]
    assert browser.ask() is None, "a live region that is written again is read again"
    make_host()
    news = browser.ask()
    assert news is not None and "stopped responding" not in news["notices"]


def test_a_host_without_instances_or_jobs_is_not_reported(plain: Client) -> None:
    silent("retired")
    assert "stopped responding" not in plain.get(reverse("backups:list")).content.decode()
    make_job(host=Host.objects.get(name="retired"))
    assert "Host retired is offline" in plain.get(reverse("backups:list")).content.decode()


def test_an_empty_console_reports_a_missing_agent_too(plain: Client) -> None:
    silent()
    assert "Host local is offline" in plain.get(reverse("backups:list")).content.decode()
    Instance.objects.all().delete()
    Host.objects.all().delete()
    assert "No agent has started yet." in plain.get(reverse("backups:list")).content.decode()


def test_news_counts_servers_that_are_down_so_that_the_list_refreshes(browser: Browser) -> None:
    instance = make_instance()
    first = browser.ask()
    assert first is not None and first["down"] == 0
    Instance.objects.filter(pk=instance.pk).update(state=State.ABNORMAL)
    news = browser.ask()
    assert news is not None and news["down"] == 1 and browser.ask() is None
    html = browser.client.get(reverse("backups:list")).content.decode()
    assert 'data-down="1"' in html


def test_hosts_are_read_at_most_once_a_second_for_all_users(
    user: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(hosts, "SHARED_SECONDS", 60)
    caches["lists"].clear()
    another = make_user(username="another")
    activity.activity_of(user, timezone.now())
    with django_assert_num_queries(1):
        activity.activity_of(another, timezone.now())
