"""The pager says which rows of how many a page shows, whichever way the reader came."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from backups.models import Backup
from console.lists import counting
from tests.factories import make_backup, make_instance

pytestmark = pytest.mark.django_db
BACKUPS = reverse("backups:list")


@pytest.fixture(autouse=True)
def backups() -> list[Backup]:
    instance, start = make_instance(), datetime(2026, 3, 1, tzinfo=UTC)
    # Groups of five have the same time, so that the id decides.
    times = [start + timedelta(hours=number // 5) for number in range(35)]
    return [make_backup(instance, name=f"n-{number % 7}", started=at) for number, at in enumerate(times)]


def shown(client: Client, url: str) -> str:
    html = client.get(url).text
    return " ".join(html.split('class="range">')[1].split("</p>")[0].split())


@pytest.mark.parametrize("sort", ["started", "-started", "name", "-size"])
def test_each_page_says_its_rows_forwards_and_backwards(plain: Client, sort: str) -> None:
    url = f"{BACKUPS}?size=10&sort={sort}"
    assert shown(plain, url) == "1-10 of 35"
    second = plain.get(url).context["page"].next
    assert shown(plain, second) == "11-20 of 35"
    third = plain.get(second).context["page"].next
    assert shown(plain, third) == "21-30 of 35"
    assert shown(plain, plain.get(third).context["page"].next) == "31-35 of 35"
    assert shown(plain, plain.get(third).context["page"].previous) == "11-20 of 35"
    assert shown(plain, f"{url}&before=end") == "26-35 of 35"


def test_rows_that_came_or_went_before_the_page_are_counted(plain: Client, backups: list[Backup]) -> None:
    second = plain.get(f"{BACKUPS}?size=10").context["page"].next
    make_backup(name="newest")
    assert shown(plain, second) == "12-21 of 36"
    Backup.objects.filter(pk__in=[backup.pk for backup in backups[-3:]]).delete()
    assert shown(plain, second) == "9-18 of 33"


def test_a_filter_counts_what_matches(plain: Client) -> None:
    second = plain.get(f"{BACKUPS}?size=10&kind=Manual&q=n-").context["page"].next
    assert shown(plain, second) == "11-20 of 35"


def test_beyond_the_rows_that_lists_count_only_the_bound_is_known(
    plain: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED", 15)
    assert shown(plain, f"{BACKUPS}?size=10") == "1-10 of 15+"
    second = plain.get(f"{BACKUPS}?size=10").context["page"].next
    assert shown(plain, second) == "of 15+"
    assert shown(plain, f"{BACKUPS}?size=10&before=end") == "of 15+"
