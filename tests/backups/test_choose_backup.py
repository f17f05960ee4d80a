"""Restore from Backup: the calendar of an instance's Complete backups."""

from datetime import UTC, date, datetime
from html import unescape
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.choices import BackupStatus
from console.accounts.roles import Role
from console.text.days import days_of_month
from instances.models import Instance
from tests.conftest import HTMX
from tests.factories import make_backup, make_instance, make_user

pytestmark = pytest.mark.django_db


def path(instance: Instance, day: str = "") -> str:
    return reverse("backups:choose", args=[instance.id]) + (f"?day={day}" if day else "")


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def instance() -> Instance:
    """Return an instance with Complete backups in January and March."""
    made = make_instance(name="orders")
    for name, started in (("january", at(1, 31)), ("early", at(3, 2, 1)), ("late", at(3, 2, 23)), ("last", at(3, 9))):
        make_backup(made, name=name, started=started)
    make_backup(made, name="failed", status=BackupStatus.FAILED, started=at(3, 9))
    make_backup(name="of-another", started=at(3, 9))
    return made


def counts(context: Any) -> dict[int, int]:
    return {cell.date.day: cell.backups for week in context["weeks"] for cell in week if cell and cell.backups}


def test_it_opens_at_the_newest_backup(plain: Client, instance: Instance) -> None:
    answer = plain.get(path(instance))
    assert answer.context["month"] == "March 2026" and counts(answer.context) == {2: 2, 9: 1}
    assert [backup.name for backup in answer.context["backups"]] == ["last"]
    assert ">failed<" not in answer.text and "of-another" not in answer.text


def test_a_day_shows_its_backups_each_leading_to_the_restore_dialog(plain: Client, instance: Instance) -> None:
    answer = plain.get(path(instance, "2026-03-02"))
    assert [backup.name for backup in answer.context["backups"]] == ["late", "early"]
    for backup in answer.context["backups"]:
        assert f'href="{reverse("backups:restore", args=[backup.id])}"' in answer.text


def test_the_arrows_skip_months_without_backups(plain: Client, instance: Instance) -> None:
    context = plain.get(path(instance)).context
    assert context["earlier"] == date(2026, 1, 31) and context["later"] is None
    context = plain.get(path(instance, "2026-02-14")).context
    assert context["earlier"] == date(2026, 1, 31) and context["later"] == date(2026, 3, 2)
    assert plain.get(path(instance, "2026-01-31")).context["earlier"] is None


def test_days_are_those_of_the_viewers_zone(plain: Client, instance: Instance) -> None:
    plain.cookies[settings.TIME_ZONE_COOKIE_NAME] = "Asia/Shanghai"
    assert counts(plain.get(path(instance)).context) == {2: 1, 3: 1, 9: 1}


@pytest.mark.parametrize("day", ["nonsense", "2026-13-01", "0001-01-01", "9999-12-31", "2026-02-30"])
def test_a_day_that_does_not_exist_is_ignored(plain: Client, instance: Instance, day: str) -> None:
    assert plain.get(path(instance, day)).context["month"] == "March 2026"


def test_an_instance_without_backups_says_what_to_do(plain: Client) -> None:
    assert "Create a backup first." in plain.get(path(make_instance())).text


def test_every_week_has_seven_days_and_every_day_is_there() -> None:
    days = days_of_month(date(2024, 2, 10), ZoneInfo("Europe/Berlin"))
    assert [day.date.day for day in days] == list(range(1, 30))
    assert all(day.end == following.start for day, following in pairwise(days))


def test_weeks_begin_on_monday(plain: Client, instance: Instance) -> None:
    weeks = plain.get(path(instance)).context["weeks"]
    assert {len(week) for week in weeks} == {7}
    assert [cell.date.weekday() for cell in weeks[1]] == list(range(7))


def test_in_a_dialog_it_is_only_the_fragment(htmx: Client, instance: Instance) -> None:
    html = htmx.get(path(instance)).text
    assert "<nav" not in html and "hx-get" in html and "March 2, 2026" not in html
    assert "Mar 2, 2026: 2 backups" in unescape(html)


def test_the_number_of_queries_is_the_same_for_any_number_of_backups(
    plain: Client, instance: Instance, django_assert_num_queries: Any
) -> None:
    for _ in range(2):
        with django_assert_num_queries(11):
            plain.get(path(instance))
        for hour in range(20):
            make_backup(instance, started=at(3, 9, hour))


def test_it_needs_the_permission_to_restore(plain: Client, client: Client, instance: Instance) -> None:
    assert client.get(path(instance)).status_code == 302
    assert plain.post(path(instance)).status_code == 405
    client.force_login(make_user(Role.READ_ONLY))
    assert client.get(path(instance), headers=HTMX).status_code == 403
    assert plain.get(path(Instance(id="unknown"))).status_code == 404


def test_the_default_day_of_an_instance_without_backups_is_today(plain: Client) -> None:
    today = timezone.localtime(timezone.now()).day
    cells = [cell for week in plain.get(path(make_instance())).context["weeks"] for cell in week if cell]
    assert [cell.date.day for cell in cells if cell.is_chosen] == [today]
