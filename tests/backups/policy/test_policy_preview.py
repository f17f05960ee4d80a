"""The preview in the Modify Backup Policy dialog: what the policy in its fields will do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from backups.choices import BackupStatus, BackupType
from backups.models import Policy
from backups.policy.schedule import DAY, WINDOW, Schedule, expires, kept_at_most, windows
from instances.choices import State
from instances.models import Instance
from tests.factories import make_backup, make_instance, make_policy

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCHEDULES = st.builds(Schedule, st.integers(0, 23), st.frozensets(st.integers(1, 7), min_size=1))


def noon() -> datetime:
    return NOON


@pytest.fixture(autouse=True)
def at_noon(settings: Any) -> None:
    settings.BACKUP_CLOCK = f"{__name__}.noon"


def preview(client: Client, instance: Instance, **changes: Any) -> str:
    fields = {"enabled": "on", "keep_days": "7", "window": "02:00-03:00", "weekdays": list("1234567"), **changes}
    sent = {name: value for name, value in fields.items() if value is not None}
    answer = client.get(reverse("backups:policy-preview", args=[instance.id]), sent)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def dialog(client: Client, instance: Instance) -> str:
    return " ".join(client.get(reverse("backups:policy", args=[instance.id])).content.decode().split())


def in_zone(client: Client, zone: str) -> None:
    client.cookies[django_settings.TIME_ZONE_COOKIE_NAME] = zone


@given(SCHEDULES, st.integers(1, 732))
def test_no_more_backups_are_kept_than_the_preview_says(schedule: Schedule, keep_days: int) -> None:
    made = windows(schedule, NOON, 2 * keep_days + 2)
    kept = [sum(start <= now < expires(start, keep_days) for start in made) for now in made if now < NOON + 800 * DAY]
    assert max(kept) == kept_at_most(schedule, keep_days)


def test_the_next_windows_follow_each_other() -> None:
    found = windows(Schedule(12, frozenset({3, 5})), NOON, 3)
    assert found == [NOON, NOON + 2 * DAY, NOON + 7 * DAY]
    assert windows(Schedule(12, frozenset({3})), NOON + WINDOW, 1) == [NOON + 7 * DAY]


@pytest.mark.django_db
def test_the_preview_says_that_turning_the_policy_on_starts_a_backup(htmx: Client) -> None:
    instance = make_instance()
    make_policy(instance, enabled=False)
    assert "A backup starts when you press OK." in preview(htmx, instance)
    assert "No backup will be made automatically." in preview(htmx, instance, enabled=None)
    Policy.objects.update(enabled=True)
    assert "A backup starts" not in preview(htmx, instance, keep_days="30")


@pytest.mark.django_db
def test_the_backup_of_an_instance_that_is_down_starts_later(htmx: Client) -> None:
    instance = make_instance(state=State.ABNORMAL)
    make_policy(instance, enabled=False)
    html = preview(htmx, instance)
    assert "A backup starts as soon as the instance is Available." in html and "press OK" not in html


@pytest.mark.django_db
def test_window_and_next_three_runs_are_in_the_zone_of_the_viewer_and_in_utc(htmx: Client) -> None:
    instance = make_instance()
    make_policy(instance, enabled=False)
    in_zone(htmx, "Asia/Kolkata")
    html = preview(htmx, instance, window="20:00-21:00", weekdays=["3", "5"])
    runs = [
        ("Nov 26, 2026 01:30 UTC+5:30", "Nov 25, 2026 20:00 UTC"),
        ("Nov 28, 2026 01:30 UTC+5:30", "Nov 27, 2026 20:00 UTC"),
        ("Dec 3, 2026 01:30 UTC+5:30", "Dec 2, 2026 20:00 UTC"),
    ]
    for local, utc in runs:
        assert f'{local} <span class="secondary">({utc})</span>' in html
    assert "20:00-21:00 (01:30-02:30 UTC+5:30)" in dialog(htmx, instance)


@pytest.mark.django_db
def test_a_viewer_in_utc_sees_each_time_once(htmx: Client) -> None:
    html = preview(htmx, make_instance())
    assert html.count("Nov 26, 2026 02:00 UTC") == 1 and "(" not in html


@pytest.mark.django_db
def test_the_page_shows_the_window_in_the_zone_of_the_viewer(plain: Client) -> None:
    instance = make_instance()
    make_policy(instance)
    in_zone(plain, "Asia/Shanghai")
    page = plain.get(reverse("backups:instance", args=[instance.id])).content.decode()
    assert "02:00-03:00 UTC (10:00-11:00 UTC+8)" in page


@pytest.mark.django_db
def test_a_window_that_has_had_its_backup_is_not_the_next_one(htmx: Client) -> None:
    instance = make_instance()
    make_policy(instance, start_hour=12, next_window=NOON + DAY)
    assert "Nov 25, 2026" not in preview(htmx, instance, window="12:00-13:00")
    assert "Nov 25, 2026 15:00" in preview(htmx, instance, window="15:00-16:00")


@pytest.mark.django_db
def test_space_is_what_the_kept_backups_take_at_the_size_of_the_newest_complete_one(htmx: Client) -> None:
    instance = make_instance()
    assert "Unknown until the first backup is complete" in preview(htmx, instance)
    old, new = NOON - 2 * DAY, NOON - DAY
    make_backup(instance, size=50_000_000, started=old)
    make_backup(instance, size=2 * 1024 * 1024, started=new, type=BackupType.AUTOMATED)
    make_backup(instance, status=BackupStatus.FAILED, started=NOON)
    make_backup(instance, size=7, imported=NOON, started=NOON)
    make_backup(size=9, started=NOON)
    html = preview(htmx, instance, keep_days="14", weekdays=["1"]).replace("\xa0", " ")
    assert "4.0 MB at today’s size (2 backups of 2.0 MB each)" in html
    html = preview(htmx, instance, keep_days="3").replace("\xa0", " ")
    assert "6.0 MB at today’s size (3 backups of 2.0 MB each)" in html


@pytest.mark.django_db
@pytest.mark.parametrize(
    "broken", [{"keep_days": "733"}, {"keep_days": ""}, {"weekdays": []}, {"window": "x"}], ids=str
)
def test_an_invalid_value_shows_no_preview(htmx: Client, broken: dict[str, Any]) -> None:
    assert "Correct the values to see the next backups." in preview(htmx, make_instance(), **broken)


@pytest.mark.django_db
def test_the_dialog_opens_with_the_preview_of_the_saved_policy(htmx: Client, plain: Client) -> None:
    instance = make_instance()
    make_policy(instance, start_hour=5)
    for client in (htmx, plain):
        assert "Nov 26, 2026 05:00 UTC" in dialog(client, instance)


@pytest.mark.django_db
def test_a_rejected_form_keeps_the_preview_of_its_values(htmx: Client) -> None:
    instance = make_instance()
    fields = {"enabled": "on", "keep_days": "733", "window": "02:00-03:00", "weekdays": ["1"]}
    answer = htmx.post(reverse("backups:policy", args=[instance.id]), fields)
    assert answer.status_code == 422 and "Correct the values" in answer.content.decode()


@pytest.mark.django_db
def test_previewing_writes_nothing_and_needs_the_role_of_the_dialog(
    htmx: Client, plain: Client, client: Client
) -> None:
    instance = make_instance()
    preview(htmx, instance)
    url = reverse("backups:policy-preview", args=[instance.id])
    assert not Policy.objects.exists()
    assert client.get(url).status_code == 302 and plain.post(url).status_code == 405
    assert htmx.get(reverse("backups:policy-preview", args=["nothing"])).status_code == 404


@pytest.mark.django_db
def test_delete_automated_backups_is_offered_only_where_there_are_some_to_delete(htmx: Client) -> None:
    instance = make_instance()
    make_backup(instance)
    make_backup(instance, type=BackupType.AUTOMATED, locked=True)
    make_backup(type=BackupType.AUTOMATED)
    assert "Delete automated backups" not in dialog(htmx, instance)
    make_backup(instance, type=BackupType.AUTOMATED)
    assert "This deletes 1 backup; locked ones stay." in dialog(htmx, instance)
    make_backup(instance, type=BackupType.AUTOMATED, started=NOON - timedelta(days=1))
    assert "Delete automated backups" in dialog(htmx, instance) and "This deletes 2 backups" in dialog(htmx, instance)
