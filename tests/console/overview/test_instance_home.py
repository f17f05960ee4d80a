"""The home of an instance: its figures with and without data, for every role, at a fixed number of queries."""

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.choices import BackupStatus, RestorationWay
from backups.models import DataSample, Restoration
from console.accounts.roles import Role
from console.audit.audited import Resource, record
from console.overview.instance import LISTED, data
from console.overview.views import DAYS
from console.text.days import last_days
from instances.choices import Action, JobKind, JobStatus, State
from instances.models import Instance
from tests.conftest import HTMX
from tests.factories import make_backup, make_instance, make_job, make_policy, make_running_job, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MEGABYTE = 1024 * 1024


def shown(client: Client, instance: Instance) -> str:
    return " ".join(unescape(client.get(instance.get_absolute_url()).text).split())


def test_clicking_an_instance_leads_to_its_home(plain: Client) -> None:
    instance = make_instance(name="orders", port=27117)
    assert f'href="{instance.get_absolute_url()}">orders</a>' in plain.get(reverse("instances:list")).text
    html = shown(plain, instance)
    assert "<h1>orders</h1>" in html and "Available" in html and "Replica set" in html
    assert "SecantusDB 0.7.0b3" in html and "127.0.0.1:27117" in html and instance.id in html
    assert "mongodb://rwuser@127.0.0.1:27117/" in html and "Python (pymongo)" in html


def test_an_instance_without_an_address_has_no_examples(plain: Client) -> None:
    assert "Connection string and examples" not in shown(plain, make_instance(port=None))


@pytest.mark.parametrize("name", ["instances:detail", "backups:instance", "instances:instance-tasks"])
def test_the_pages_inside_an_instance_lead_to_each_other(plain: Client, name: str) -> None:
    instance = make_instance()
    assert f'href="{reverse(name, args=[instance.id])}"' in shown(plain, instance)
    html = plain.get(reverse(name, args=[instance.id])).text
    assert html.count(f'href="{instance.get_absolute_url()}"') >= 2  # the breadcrumb and the navigation


def test_each_action_opens_the_dialog_that_the_lists_open(plain: Client) -> None:
    instance = make_instance()
    html = shown(plain, instance)
    for name in ("backups:create-for-instance", "backups:choose", "backups:policy"):
        assert f'hx-get="{reverse(name, args=[instance.id])}"' in html
    for name in ("restart", "reset-password", "rename", "delete"):
        assert f'hx-get="{reverse(f"instances:{name}", args=[instance.id])}"' in html


def test_a_busy_instance_refuses_with_the_reason_of_the_lists(plain: Client) -> None:
    instance = make_instance(action=Action.RESTART)
    html = shown(plain, instance)
    assert instance.backup_refusal in html and instance.delete_refusal in html


def test_the_last_good_backup_and_the_policy_are_shown(plain: Client) -> None:
    instance = make_instance()
    assert "No Complete backup yet" in shown(plain, instance)
    make_policy(instance, keep_days=12)
    make_backup(instance, name="older", started=timezone.now() - DAY, size=2 * MEGABYTE)
    backup = make_backup(instance, name="newest", size=3 * MEGABYTE)
    make_backup(instance, name="not-good", status=BackupStatus.FAILED)
    make_backup(name="of-another", size=50 * MEGABYTE)
    html = shown(plain, instance)
    assert f'href="{backup.get_absolute_url()}">newest</a>' in html
    assert "5.0 MB" in html and "kept for 12 days" in html and "Next backup" in html
    figures = plain.get(instance.get_absolute_url()).context["backups"]
    assert figures["complete"] == 2 and figures["last"] == backup


def test_an_instance_that_was_never_created_has_no_policy(plain: Client) -> None:
    assert "Automated backup is on" not in shown(plain, make_instance(state=State.CREATION_FAILED, port=None))


def test_the_chart_counts_only_this_instances_backups(plain: Client) -> None:
    instance = make_instance()
    make_backup(instance)
    make_backup(instance, status=BackupStatus.DELETING, size=1)
    make_backup(instance, status=BackupStatus.FAILED)
    make_backup()
    make_backup(instance, started=timezone.now() - 30 * DAY)
    chart = plain.get(instance.get_absolute_url()).context["backups_chart"]
    assert [total for _series, total in chart.totals] == [2, 1, 0]
    assert chart.columns[-1].point.url.startswith(reverse("backups:instance", args=[instance.id]))


# --- Data and growth ----------------------------------------------------------------------------------------


def test_data_is_drawn_by_day_and_its_growth_calculated() -> None:
    instance = make_instance(storage_bytes=50 * MEGABYTE, facts_at=NOW)
    days = last_days(NOW, UTC, DAYS)
    found = data(instance, days, [(NOW - 4 * DAY, 10 * MEGABYTE), (NOW - 2 * DAY, 30 * MEGABYTE)])
    assert found and found.size == 50 * MEGABYTE and found.grows == 10 * MEGABYTE and found.shrinks == 0
    drawn = [column.parts[0].value.number / MEGABYTE for column in found.chart.columns[-6:]]
    assert drawn == [0, 10, 10, 30, 30, 50]


def test_data_is_unknown_before_it_is_measured() -> None:
    days = last_days(NOW, UTC, DAYS)
    assert data(make_instance(), days, []) is None
    instance = make_instance(storage_bytes=MEGABYTE, facts_at=NOW)
    found = data(instance, days, [])
    assert found and found.growth is None and found.size == MEGABYTE


def test_the_page_draws_the_samples(plain: Client) -> None:
    now = timezone.now()
    instance = make_instance(storage_bytes=9 * MEGABYTE, facts_at=now)
    DataSample.objects.create(instance_uid=instance.id, day=(now - 3 * DAY).date(), taken=now - 3 * DAY, data=MEGABYTE)
    DataSample.objects.create(instance_uid="other", day=now.date(), taken=now, data=77 * MEGABYTE)
    html = shown(plain, instance)
    assert "9.0 MB" in html and "grows by" in html and "77.0 MB" not in html


# --- Work and history ---------------------------------------------------------------------------------------


def test_work_in_progress_is_shown_and_makes_the_page_refresh_itself(plain: Client) -> None:
    instance = make_instance()
    assert "every 1s" not in shown(plain, instance) and "In progress" not in shown(plain, instance)
    make_running_job(instance=instance, progress=40)
    html = shown(plain, instance)
    assert "every 1s" in html and "In progress" in html and "40 %" in html


def test_the_newest_tasks_are_shown_with_their_reasons(plain: Client) -> None:
    instance = make_instance()
    for number in range(LISTED + 1):
        make_job(instance=instance, created=NOW + number * DAY, status=JobStatus.COMPLETED)
    job = make_job(instance=instance, kind=JobKind.RESTART, status=JobStatus.FAILED, failure="It did not stop.")
    make_job(kind=JobKind.VERIFY)
    html = shown(plain, instance)
    assert "It did not stop." in html and str(job.id) in html and "Verify backup" not in html
    assert len(plain.get(instance.get_absolute_url()).context["tasks"]) == LISTED


def test_restorations_from_and_to_the_instance_are_shown(plain: Client) -> None:
    instance = make_instance()
    assert "none has been restored to it" in shown(plain, instance)
    for name, source, target in (("from-it", instance.id, "x"), ("to-it", "x", instance.id), ("other", "x", "y")):
        Restoration.objects.create(
            backup_uid="b",
            backup_name=name,
            source_uid=source,
            source_name="s",
            target_uid=target,
            target_name="t",
            way=RestorationWay.NEW,
        )
    html = shown(plain, instance)
    assert "from-it to t" in html and "to-it to t" in html and "other to t" not in html


def test_only_those_who_may_read_the_audit_see_it(plain: Client, user: User) -> None:
    instance = make_instance()
    record("ddsRestartInstance", user=user, resource=Resource("instance", instance.id, instance.name))
    record("ddsDeleteInstance", user=user, resource=Resource("instance", "other", "other"))
    backup = make_backup(instance, name="nightly")
    record("ddsCreateBackup", user=user, resource=Resource("backup", backup.id, backup.name))
    html = shown(plain, instance)
    assert "ddsRestartInstance" in html and "ddsDeleteInstance" not in html
    assert "<code>ddsCreateBackup</code> nightly by" in html
    reader = Client()
    reader.force_login(make_user(Role.READ_ONLY))
    assert "ddsRestartInstance" not in shown(reader, instance)


# --- The page as such -----------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_depend_on_the_history(plain: Client, django_assert_num_queries: Any) -> None:
    instance = make_instance(storage_bytes=MEGABYTE, facts_at=timezone.now())
    for number in range(2):
        with django_assert_num_queries(14):
            plain.get(instance.get_absolute_url())
        for _ in range(10 * (1 - number)):
            make_backup(instance)
            make_job(instance=instance)


def test_the_fragment_is_only_the_home_and_unchanged_is_204(plain: Client) -> None:
    instance = make_instance()
    answer = plain.get(instance.get_absolute_url(), headers=HTMX)
    assert "<nav" not in answer.text and 'id="instance-home"' in answer.text
    version = answer.text.split('data-version="')[1].split('"')[0]
    assert plain.get(instance.get_absolute_url(), {"version": version}, headers=HTMX).status_code == 204


def test_unknown_ids_wrong_methods_and_anonymous_users_are_rejected(plain: Client, client: Client) -> None:
    instance = make_instance()
    assert plain.get("/instances/unknown/").status_code == 404
    assert plain.post(instance.get_absolute_url()).status_code == 405
    assert client.get(instance.get_absolute_url()).status_code == 302
