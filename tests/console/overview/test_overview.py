"""The front page: each of its figures with and without data, for every role and in several time zones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups import history
from backups.choices import BackupStatus
from backups.models import BackupTally, StorageSample
from console.accounts.roles import Role
from console.overview.views import DAYS, Used, backups_chart, growth, storage, used_by_day
from console.text.days import last_days
from instances.choices import Action, InstanceType, JobKind, JobStatus, State
from instances.models import Host, Instance
from tests.conftest import HTMX
from tests.factories import make_backup, make_host, make_instance, make_job, make_user

pytestmark = pytest.mark.django_db
HOME = reverse("home")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def html_of(client: Client) -> str:
    return client.get(HOME).content.decode()


def tally(moment: datetime, completed: int = 0, failed: int = 0) -> None:
    BackupTally.objects.create(quarter=history.quarter(moment), completed=completed, failed=failed)


def sample(moment: datetime, archives: int, data: int = 0, host: str = "local") -> None:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    make_host(host)
    StorageSample.objects.create(host_id=host, hour=hour, taken=moment, archives=archives, data=data)


# --- Instances by status ------------------------------------------------------------------------------------


def test_each_status_shows_its_count_and_links_to_its_instances(plain: Client) -> None:
    for action, state in [(Action.NONE, State.AVAILABLE)] * 2 + [(Action.BACKUP, State.AVAILABLE)]:
        make_instance(action=action, state=state)
    make_instance(state=State.ABNORMAL)
    answer = plain.get(HOME)
    shown = [(str(each["status"].label), each["count"]) for each in answer.context["statuses"]]
    assert shown == [("Available", 2), ("Backing up", 1), ("Abnormal", 1)]
    for each in answer.context["statuses"]:
        assert f'href="{each["url"]}"' in answer.content.decode()
        assert len(plain.get(each["url"]).context["instances"]) == each["count"]


def test_a_new_console_shows_one_sentence_and_one_button(plain: Client) -> None:
    plain.cookies[settings.START_COOKIE_NAME] = "away"
    html = html_of(plain)
    assert f'href="{reverse("instances:create")}"' in html and "Create the first DB instance" in html
    assert "<svg width" not in html and "What failed" not in html


def test_past_backups_are_shown_even_without_instances(plain: Client) -> None:
    tally(timezone.now(), completed=3)
    html = html_of(plain)
    assert reverse("instances:create") in html and "Backups of the last 14 days" in html


# --- Backups of 14 days ---------------------------------------------------------------------------------------


def counts(zone: str = "UTC", now: datetime = NOW) -> list[list[float]]:
    chart = backups_chart(last_days(now, ZoneInfo(zone), DAYS))
    return [[part.value.number for part in column.parts] for column in chart.columns]


def test_each_day_counts_completed_failed_and_running_backups() -> None:
    tally(NOW, 3, 1)
    tally(NOW - 15 * timedelta(minutes=1), 2)
    tally(NOW - DAY, 0, 4)
    make_backup(status=BackupStatus.BUILDING, started=NOW - HOUR)
    make_backup(status=BackupStatus.FAILED, started=NOW - HOUR)  # only its tally is counted
    assert counts()[-2:] == [[0, 4, 0], [5, 1, 1]] and counts()[:-2] == [[0, 0, 0]] * 12


def test_exactly_fourteen_days_are_shown() -> None:
    first = datetime(2026, 2, 25, tzinfo=UTC)
    tally(first, 1)
    tally(first - timedelta(minutes=15), 100)
    assert counts()[0] == [1, 0, 0] and sum(done for done, *_ in counts()) == 1


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", -2), ("Asia/Shanghai", -1), ("America/New_York", -2), ("Asia/Kathmandu", -1)]
)
def test_days_are_those_of_the_viewers_zone(zone: str, day: int) -> None:
    # In Kathmandu the day begins at 18:15 UTC.
    tally(datetime(2026, 3, 9, 18, 15, tzinfo=UTC), 7)
    assert counts(zone)[day] == [7, 0, 0]


def test_a_column_links_to_the_backups_of_its_day(plain: Client) -> None:
    now = timezone.now().replace(hour=12)
    moments = {"late": now.replace(hour=23, minute=59, second=59), "early": now.replace(hour=0, minute=0, second=0)}
    for name, moment in moments.items():
        make_backup(name=name, started=moment)
    make_backup(name="yesterday", started=moments["early"].replace(microsecond=0) - timedelta(seconds=1))
    tally(now, 2)
    url = plain.get(HOME).context["backups_chart"].columns[-1].point.url
    assert f'href="{url.replace("&", "&amp;")}"' in html_of(plain)
    assert {backup.name for backup in plain.get(url).context["backups"]} == {"late", "early"}


def test_the_chart_can_be_read_by_a_screen_reader(plain: Client) -> None:
    tally(timezone.now(), 12, 3)
    html = html_of(plain)
    assert "Complete 12, Failed 3, Backing up 0" in html and "<desc" in html
    table = html.split('id="backups-chart-table"')[1].split("</table>")[0]
    assert "<td>12</td><td>3</td><td>0</td>" in table and table.count("<tr>") == 15
    assert "style=" not in html


# --- Last success -----------------------------------------------------------------------------------------------


@pytest.fixture
def protected() -> dict[str, Instance]:
    now = timezone.now()
    old = now - 9 * DAY
    return {
        "never": make_instance(name="never", created=old),
        "late": make_instance(name="late-one", created=old, last_backup_at=now - 25 * HOUR),
        "fresh": make_instance(name="fresh", created=old, last_backup_at=now - 23 * HOUR),
        "new": make_instance(name="new-one", created=now - HOUR),
    }


def test_the_instances_that_have_gone_longest_without_a_backup_come_first(
    plain: Client, protected: dict[str, Instance]
) -> None:
    make_instance(name="stillborn", created=timezone.now() - 9 * DAY, state=State.CREATION_FAILED)
    make_instance(name="going", created=timezone.now() - 9 * DAY, action=Action.DELETE)
    answer = plain.get(HOME)
    assert [instance.name for instance, _late in answer.context["protection"]] == [
        "never",
        "late-one",
        "fresh",
        "new-one",
    ]
    html = answer.content.decode()
    assert answer.context["without_backup"].rows == 2
    assert "2 instances without a Complete backup in 24 h." in html and html.count("over 24 h") == 2
    for instance in protected.values():
        assert reverse("backups:instance", args=[instance.id]) in html
        assert reverse("backups:create-for-instance", args=[instance.id]) in html


def test_the_page_says_so_when_no_instance_is_overdue(plain: Client) -> None:
    make_instance(last_backup_at=timezone.now() - HOUR)
    html = html_of(plain)
    assert "Every instance has a Complete backup of the last 24 h." in html and "over 24 h" not in html


def test_a_new_instance_without_a_backup_is_not_counted_as_protected(plain: Client) -> None:
    make_instance(last_backup_at=timezone.now() - HOUR)
    make_instance()
    make_instance()
    html = html_of(plain)
    assert "2 new instances have no Complete backup yet." in html and "Every instance has" not in html
    assert "without a Complete backup in 24 h" not in html


def test_data_that_has_not_been_measured_is_unknown_and_not_zero(plain: Client) -> None:
    make_instance()
    StorageSample.objects.create(host_id="local", hour=timezone.now(), taken=timezone.now(), archives=1000, data=None)
    panel = html_of(plain).split('id="storage-title"')[1].split("</section>")[0]
    assert "unknown" in panel.split("Data of instances</dt>")[1].split("</dd>")[0]
    assert "Trend" not in panel


def test_the_list_is_short_and_links_to_the_full_list(plain: Client) -> None:
    old = timezone.now() - 9 * DAY
    for number in range(12):
        make_instance(name=f"old-{number:02}", created=old + number * HOUR)
    answer = plain.get(HOME)
    assert len(answer.context["protection"]) == 8 and answer.context["without_backup"].rows == 12
    url = reverse("instances:list") + "?sort=backup"
    assert f'href="{url}"' in answer.content.decode()
    listed = [instance.name for instance in plain.get(url).context["instances"]]
    assert listed == [f"old-{number:02}" for number in range(12)]


# --- Storage ------------------------------------------------------------------------------------------------------


def test_storage_comes_from_the_last_sample_of_each_day_and_host() -> None:
    sample(NOW - DAY - HOUR, 10, 1)
    sample(NOW - DAY, 20, 2)
    sample(NOW - DAY, 100, 0, host="elsewhere")
    sample(NOW, 30, 3)
    Host.objects.update(storage_free=500)
    found = storage(last_days(NOW, UTC, DAYS))
    assert found is not None
    values = [[part.value.number for part in column.parts] for column in found.chart.columns]
    assert values[-3:] == [[0, 0], [120, 2], [130, 3]]
    assert (found.now.archives, found.now.data, found.free) == (130, 3, 1000)
    assert found.chart.columns[0].parts[0].value.text == "unknown"


def test_free_storage_is_shown_only_if_known(plain: Client) -> None:
    make_instance()
    sample(timezone.now(), 10)
    assert "Free for archives" not in html_of(plain)
    Host.objects.update(storage_free=5 * 1024**3)
    assert "5.0" in html_of(plain).split("Free for archives")[1][:60]


def test_storage_is_unknown_before_an_agent_has_measured_it(plain: Client) -> None:
    make_instance()
    assert storage(last_days(NOW, UTC, DAYS)) is None
    assert "It is measured once a minute" in html_of(plain)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ([], None),
        ([None, Used(NOW, 5, 0)], None),
        ([Used(NOW - 23 * HOUR, 5, 0), Used(NOW, 9, 0)], None),
        ([None, Used(NOW - 2 * DAY, 100, 10), None, Used(NOW, 300, 20)], 105.0),
        ([Used(NOW - DAY, 50, 0), Used(NOW, 20, 0)], -30.0),
    ],
)
def test_growth_is_shown_only_when_known(used: list[Used | None], expected: float | None) -> None:
    assert growth(used) == expected


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (24 * 1024**2, "grows by 10.0\xa0MB a day"),
        (64 * 1024**2, "shrinks by 10.0\xa0MB a day"),
        (44 * 1024**2, "does not change"),
    ],
)
def test_the_trend_is_described_in_words(plain: Client, before: int, text: str) -> None:
    make_instance()
    now = timezone.now()
    sample(now - 2 * DAY, before)
    sample(now, 44 * 1024**2)
    Host.objects.update(storage_free=95 * 1024**2)
    html = html_of(plain)
    assert text in html
    assert ("full in 9 days" in html) == text.startswith("grows")


def test_no_days_are_shown_when_storage_lasts_over_a_year(plain: Client) -> None:
    make_instance()
    now = timezone.now()
    sample(now - 2 * DAY, 0)
    sample(now, 2)
    Host.objects.update(storage_free=366)
    assert "grows by" in html_of(plain) and "at this rate" not in html_of(plain)
    Host.objects.update(storage_free=364)
    assert "full in 364 days at this rate" in html_of(plain)


def test_an_offline_host_keeps_its_last_sample() -> None:
    sample(NOW - 3 * DAY, 7, host="silent")
    sample(NOW, 1)
    used = used_by_day(last_days(NOW, UTC, 5), StorageSample.objects.since(NOW - 9 * DAY))
    assert [each.archives if each else None for each in used] == [None, 7, 7, 7, 8]


# --- Failures ----------------------------------------------------------------------------------------------------


def test_a_failure_is_shown_with_its_reason_and_links_to_its_task(plain: Client) -> None:
    instance = make_instance(name="orders")
    failed = {"instance": instance, "instance_uid": instance.id, "instance_name": "orders", "status": JobStatus.FAILED}
    now = timezone.now()
    job = make_job(**failed, failure="The disk is full.", created=now, ended=now)
    make_job(**failed | {"status": JobStatus.CANCELLED}, failure="Somebody cancelled it.", created=now, ended=now)
    make_job(**failed, failure="Long ago.", created=now - 8 * DAY, ended=now - 8 * DAY)
    html = html_of(plain)
    assert "The disk is full." in html and "Backup: orders" in html
    assert "Somebody cancelled it." not in html and "Long ago." not in html
    assert f'href="{job.get_absolute_url()}"' in html


def test_an_abnormal_instance_is_shown_with_its_reason(plain: Client) -> None:
    make_instance(name="broken", state=State.ABNORMAL, failure="The server ended by itself.")
    make_instance(name="being-restored", state=State.ABNORMAL, action=Action.RESTORE)
    answer = plain.get(HOME)
    assert [instance.name for instance in answer.context["faulty"]] == ["broken"]
    assert "The server ended by itself." in answer.content.decode()


def test_the_page_says_so_when_nothing_has_failed(plain: Client) -> None:
    make_instance()
    assert "Nothing has failed in the last 7 days." in html_of(plain)


# --- Roles, refresh, cost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_the_page_with_only_its_own_actions(role: Role, protected: dict[str, Instance]) -> None:
    client = Client()
    client.force_login(make_user(role))
    html = html_of(client)
    assert "never" in html and "Last success per instance" in html
    url = reverse("backups:create-for-instance", args=[protected["never"].id])
    assert (url in html) == (role is not Role.READ_ONLY)
    assert reverse("instances:create") not in html


@pytest.mark.parametrize("role", list(Role))
def test_on_a_new_console_only_roles_with_the_permission_are_offered_to_create(role: Role) -> None:
    client = Client()
    client.force_login(make_user(role))
    assert (f'href="{reverse("instances:create")}' in html_of(client)) == (role is Role.FULL_ACCESS)


def test_the_page_refreshes_itself_only_while_something_is_in_progress(plain: Client) -> None:
    make_instance()
    assert "every 1s" not in html_of(plain)
    job = make_job()
    assert "every 1s" in html_of(plain)
    job.delete()
    make_instance(state=State.ABNORMAL)
    assert "every 1s" in html_of(plain)


def test_a_refresh_is_204_until_something_has_changed(htmx: Client) -> None:
    make_instance()
    html = html_of(htmx)
    assert "<html" not in html and 'id="overview"' in html
    version = html.split('data-version="')[1].split('"')[0]
    assert htmx.get(HOME, {"version": version}).status_code == 204
    tally(timezone.now(), completed=1)
    assert htmx.get(HOME, {"version": version}).status_code == 200


def test_wrong_methods_and_anonymous_users_are_rejected(client: Client, plain: Client) -> None:
    assert client.get(HOME).status_code == 302
    assert Client(headers=HTMX).get(HOME).status_code == 401
    assert plain.post(HOME).status_code == 405


def fill(number: int) -> None:
    now = timezone.now()
    for each in range(number):
        instance = make_instance(created=now - 9 * DAY, last_backup_at=now - each * HOUR)
        make_instance(state=State.ABNORMAL, failure="The server ended.", type=InstanceType.CLUSTER)
        of = {"instance": instance, "instance_uid": instance.id, "instance_name": instance.name}
        make_job(
            **of, kind=JobKind.RESTART, status=JobStatus.FAILED, failure="No.", ended=now, requested_by=make_user()
        )
        make_backup(make_instance(), status=BackupStatus.BUILDING)
        tally(now - each * HOUR, 1)
        sample(now - each * HOUR, 10)


@pytest.mark.parametrize("number", [1, 50])
def test_the_page_needs_the_same_few_queries_for_any_number_of_rows(
    plain: Client, number: int, django_assert_num_queries: Any
) -> None:
    fill(number)
    with django_assert_num_queries(19):
        plain.get(HOME)


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with timezone.override(UTC):
        yield


def test_the_page_uses_the_viewers_time_zone(plain: Client) -> None:
    zone = ZoneInfo("Pacific/Kiritimati")
    tally(timezone.now(), completed=9)
    plain.cookies.load({settings.TIME_ZONE_COOKIE_NAME: str(zone)})
    column = plain.get(HOME).context["backups_chart"].columns[-1]
    assert column.point.label == str(timezone.now().astimezone(zone).day)
    assert column.parts[0].value.number == 9
