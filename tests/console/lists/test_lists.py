"""Features of all lists: search, filters, sorting, paging, totals and refresh. Tested mainly on Backup Management."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, cast

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backups.choices import BackupStatus, BackupType
from backups.lists import BackupListForm
from backups.models import Backup
from console.audit.audited import Resource, record
from console.audit.lists import AuditListForm
from console.audit.models import AuditEvent
from console.lists import counting
from console.lists import pages as lists
from console.lists.counting import Total
from console.web.request import Request
from instances import hosts
from instances.choices import InstanceType, JobStatus
from instances.lists import InstanceListForm, JobListForm
from instances.models import Instance, Job
from tests.factories import make_backup, make_host, make_instance, make_job

pytestmark = pytest.mark.django_db
BACKUPS, INSTANCES, TASKS = reverse("backups:list"), reverse("instances:list"), reverse("instances:tasks")
AUDIT = reverse("audit")
START = datetime(2026, 3, 1, tzinfo=UTC)


def names(answer: Any) -> list[str]:
    return [backup.name for backup in answer.context["backups"]]


def ids(answer: Any) -> list[str]:
    return [backup.id for backup in answer.context["backups"]]


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the counting limit from ten thousand rows to five."""
    monkeypatch.setattr(counting, "COUNTED", 5)


@pytest.fixture
def backups(db: None) -> list[Backup]:
    """Create 35 backups, oldest first; several share a name, a size or a time."""
    instances = [make_instance(name=f"Orders-{number}", type=kind) for number, kind in enumerate(InstanceType)]
    return [
        make_backup(
            instances[number % 3],
            name=f"Name-{number % 4}",
            size=None if number % 5 == 0 else number % 3 * 1000,
            status=BackupStatus.FAILED if number % 5 == 0 else BackupStatus.COMPLETED,
            type=BackupType.AUTOMATED if number % 2 else BackupType.MANUAL,
            started=START + timedelta(hours=number // 2),
        )
        for number in range(35)
    ]


def page(address: str) -> lists.Page[Any]:
    """Return the page of the list at the address without rendering its template."""
    request = cast(Request, RequestFactory().get(address))
    if address.startswith(TASKS):
        return JobListForm(request).page(Job.objects.shown())
    if address.startswith(AUDIT):
        return AuditListForm(request).page(AuditEvent.objects.all())
    if address.startswith(INSTANCES):
        return InstanceListForm(request).page(Instance.objects.all())
    return BackupListForm(request).page(Backup.objects.shown())


def ids_at(address: str) -> list[str]:
    return [backup.id for backup in page(address).rows]


def walk(address: str, way: str) -> Iterator[list[str]]:
    """Follow the links and yield the ids on each page."""
    for _ in range(20):
        shown = page(address)
        yield [backup.id for backup in shown.rows]
        address = getattr(shown, way)
        if not address:
            return
    raise AssertionError("the pages do not end")


# --- Pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("query", ["", "&type=Sharding", "&q=name", "&q=name-1&status=COMPLETED", "&since=2026-03-01"])
@pytest.mark.parametrize("sort", ["started", "-started", "name", "-name", "size", "-size"])
def test_the_pages_show_every_row_once_in_order_in_both_directions(
    backups: list[Backup], monkeypatch: pytest.MonkeyPatch, sort: str, query: str, many: bool
) -> None:
    if many:
        monkeypatch.setattr(counting, "COUNTED", 5)
    whole = ids_at(f"{BACKUPS}?size=100&sort={sort}{query}")
    matching = {
        "": backups,
        "&type=Sharding": [backup for backup in backups if backup.instance_type == "Sharding"],
        "&q=name": backups,
        "&q=name-1&status=COMPLETED": [
            backup for backup in backups if backup.name == "Name-1" and backup.status == "COMPLETED"
        ],
        "&since=2026-03-01": backups,
    }[query]
    keys = {
        "started": lambda backup: (backup.started, backup.id),
        "name": lambda backup: (backup.name.lower(), backup.id),
        "size": lambda backup: (-1 if backup.size is None else backup.size, backup.id),
    }
    expected = sorted(matching, key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))
    assert whole == [backup.id for backup in expected]

    forth = list(walk(f"{BACKUPS}?size=10&sort={sort}{query}", "next"))
    assert list(chain(*forth)) == whole and all(len(page) == 10 for page in forth[:-1])
    back = list(walk(f"{BACKUPS}?size=10&sort={sort}{query}&before=end", "previous"))
    # The first page is always full, so going back may show its last rows twice.
    assert list(chain(*back[:-1][::-1])) == whole[len(whole) - sum(map(len, back[:-1])) :]
    assert back[-1] == whole[:10]


def test_first_and_last_lead_to_the_first_and_last_page(plain: Client, backups: list[Backup]) -> None:
    first = plain.get(f"{BACKUPS}?size=10").context["page"]
    assert (first.first, first.previous) == ("", "") and first.next and first.last
    last = plain.get(first.last)
    assert ids(last) == [backup.id for backup in backups[:10]][::-1] or len(ids(last)) == 10
    assert (last.context["page"].next, last.context["page"].last) == ("", "")
    assert last.context["page"].first == f"{BACKUPS}?size=10"


@pytest.mark.parametrize("rows", [0, 1, 9, 10])
def test_rows_that_fit_on_one_page_have_no_page_links(plain: Client, rows: int) -> None:
    for _ in range(rows):
        make_backup()
    for query in ("?size=10", "?size=10&before=end"):
        answer = plain.get(BACKUPS + query)
        page = answer.context["page"]
        assert len(ids(answer)) == rows and not (page.first or page.previous or page.next or page.last)
        assert "Rows per page" not in answer.content.decode()


def test_a_cursor_stays_valid_after_its_row_is_deleted_and_rows_are_added(plain: Client, backups: list[Backup]) -> None:
    first = plain.get(f"{BACKUPS}?size=10")
    second = ids(plain.get(first.context["page"].next))
    Backup.objects.filter(pk=ids(first)[-1]).delete()
    make_backup(name="newest")
    assert ids(plain.get(first.context["page"].next)) == second


def test_a_cursor_with_no_rows_after_it_shows_the_first_page(plain: Client, backups: list[Backup]) -> None:
    address = plain.get(f"{BACKUPS}?size=20").context["page"].next
    Backup.objects.filter(pk__in=ids(plain.get(address))).delete()
    answer = plain.get(address)
    assert len(ids(answer)) == 20 and answer.context["page"].previous == ""


@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("value", ["", "x", "%00", "%FF", "W10:x", "ImEi:abc", "end" * 500, "-1", "'"])
def test_an_invalid_cursor_shows_the_first_page(plain: Client, backups: list[Backup], name: str, value: str) -> None:
    answer = plain.get(f"{BACKUPS}?size=10&{name}={value}")
    assert answer.status_code == 200
    assert ids(answer) == ids(plain.get(f"{BACKUPS}?size=10"))


@pytest.mark.parametrize(("made", "used"), [("name", ""), ("", "name"), ("size", "-started"), ("name", "size")])
def test_a_cursor_of_another_order_shows_the_first_page(backups: list[Backup], made: str, used: str) -> None:
    place = re.findall("after=[^&]+", page(f"{BACKUPS}?size=10&sort={made}").next)[0]
    assert ids_at(f"{BACKUPS}?size=10&sort={used}&{place}") == ids_at(f"{BACKUPS}?size=10&sort={used}")


@pytest.mark.parametrize(("size", "shown"), [("10", 10), ("20", 20), ("50", 35), ("", 20), ("11", 20), ("x", 20)])
def test_a_page_has_one_of_four_sizes(plain: Client, backups: list[Backup], size: str, shown: int) -> None:
    assert len(ids(plain.get(f"{BACKUPS}?size={size}"))) == shown


def test_a_refresh_stays_on_the_same_page(plain: Client, htmx: Client, backups: list[Backup]) -> None:
    address = plain.get(f"{BACKUPS}?size=10&sort=name&q=name").context["page"].next
    html = htmx.get(address).content.decode()
    version = html.split('data-version="')[1].split('"')[0]
    refresh = re.findall(r'hx-get="([^"]*after=[^"]*)"', html)[0].replace("&amp;", "&")
    assert htmx.get(f"{refresh}&version={version}").status_code == 204
    make_backup(name="Name-0-too")
    assert htmx.get(f"{refresh}&version={version}").content.decode().count("<tr id=") == 10


def headings(answer: Any) -> dict[str, Any]:
    """Return the headings that sort, by the keys of their columns."""
    return {column.key: header for column, header in answer.context["filters"].heads() if header}


def test_links_keep_all_state_but_the_cursor(plain: Client, backups: list[Backup]) -> None:
    query = "q=name&status=COMPLETED&kind=Manual&since=2026-03-01T00%3A00&size=10"
    answer = plain.get(f"{BACKUPS}?{query}&after=x&version=y&instance=")
    page, headers = answer.context["page"], headings(answer)
    assert page.sizes[0].url == f"{BACKUPS}?{query}"
    assert headers["name"].url == f"{BACKUPS}?{query}&sort=name"
    assert headers["span"].url == f"{BACKUPS}?{query}&sort=started"
    assert page.export == f"{BACKUPS}?{query}&format=csv"


def test_a_column_header_shows_its_order_and_reverses_it(plain: Client, backups: list[Backup]) -> None:
    answer = plain.get(f"{BACKUPS}?sort=name")
    assert 'aria-sort="ascending"' in answer.content.decode()
    headers = headings(answer)
    assert headers["name"].url.endswith("sort=-name")
    assert headers["size"].url.endswith("sort=-size") and headers["size"].direction == ""
    assert headers["span"].url == BACKUPS
    answer = plain.get(f"{BACKUPS}?sort=password")
    assert headings(answer)["span"].direction == "descending"


# --- Totals ---------------------------------------------------------------------------------------


def test_the_total_is_exact_up_to_a_limit(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COUNTED", 4)
    queries = ("", "?q=many", "?kind=Manual", "?since=2020-01-01")
    for number in range(4):
        make_backup(name=f"many-{number}")
    for query in queries:
        assert str(page(BACKUPS + query).total) == "4"
        assert "4 backups" in plain.get(BACKUPS + query).content.decode()
    make_backup(name="many-4")
    for query in queries:
        assert str(page(BACKUPS + query).total) == "4+"
        assert "4+ backups" in plain.get(BACKUPS + query).content.decode()


def test_a_total_with_several_filters_counts_at_least_the_rows_read(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(24):
        make_backup(name=f"many-{number}", type=BackupType.AUTOMATED if number % 2 else BackupType.MANUAL)
    both = f"{BACKUPS}?status=COMPLETED&kind=Manual"
    assert str(page(f"{both}&size=10").total) == "12"
    monkeypatch.setattr(counting, "COUNTED", 4)
    assert page(f"{both}&size=10").total.more
    # If all rows fit on one page, the total is exact.
    Backup.objects.filter(name__gt="many-14").delete()
    assert str(page(f"{both}&size=10").total) == "4" and not page(f"{both}&size=10").total.more


def test_large_totals_have_separators() -> None:
    assert str(Total(10_000, more=False)) == "10,000"
    assert str(Total(10_000, more=True)) == "10,000+"


# --- Search and filters ---------------------------------------------------------------------------


@pytest.mark.parametrize("many", [False, True])
def test_search_matches_a_name_prefix_in_any_case_or_a_whole_id(
    plain: Client, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    if many:
        monkeypatch.setattr(counting, "COUNTED", 0)
    backup = make_backup(name="Orders_1-eu")
    make_backup(name="OrdersX1-eu")
    make_backup(name="weekly-orders")
    for text, found in {
        "orders_": ["Orders_1-eu"],
        "ORDERS_1-EU": ["Orders_1-eu"],
        "orders": ["OrdersX1-eu", "Orders_1-eu"],
        "  orders_ ": ["Orders_1-eu"],
        backup.id: ["Orders_1-eu"],
        backup.id[:-1]: [],
        "%": [],
        "_": [],
        "rders": [],
        "orders_1-eu-and-more": [],
        "é": [],
        "orders'": [],
        "\0": [],
        "o" * 5000: [],
    }.items():
        assert names(plain.get(BACKUPS, {"q": text})) == found, text


def test_a_search_that_cannot_be_a_name_finds_nothing(plain: Client, backups: list[Backup]) -> None:
    assert "No backup matches." in plain.get(f"{BACKUPS}?q=%00").content.decode()


def test_a_prefix_may_end_in_any_allowed_character(plain: Client) -> None:
    """Search queries a range that ends after the last character of the prefix."""
    for name in ("abc-", "abcZ", "abc_", "abcz", "abc9", "abcz9"):
        make_backup(name=name)
    for name in ("abc-", "abcZ", "abc_", "abc9"):
        assert name in names(plain.get(BACKUPS, {"q": name.upper()}))
    assert set(names(plain.get(BACKUPS, {"q": "abcz"}))) == {"abcZ", "abcz", "abcz9"}


def test_filters_combine(plain: Client, backups: list[Backup]) -> None:
    query = {"status": "FAILED", "kind": "Auto", "type": "ReplicaSet", "q": "name-"}
    expected = [
        backup.id
        for backup in backups
        if (backup.status, backup.type, backup.instance_type) == ("FAILED", "Auto", "ReplicaSet")
    ]
    assert expected and set(ids(plain.get(BACKUPS, query))) == set(expected)


def test_the_instance_filter_takes_an_id_or_a_whole_name(plain: Client, backups: list[Backup]) -> None:
    of_one = {backup.id for backup in backups if backup.instance_name == "Orders-1"}
    uid = next(backup.instance_uid for backup in backups if backup.instance_name == "Orders-1")
    assert set(ids(plain.get(BACKUPS, {"instance": uid}))) == of_one
    assert set(ids(plain.get(BACKUPS, {"instance": "orders-1"}))) == of_one
    for text in ("Orders", uid[:-1], "\0", "%"):
        assert ids(plain.get(BACKUPS, {"instance": text})) in ([], ids(plain.get(BACKUPS)))


def test_the_time_range_includes_both_ends(plain: Client, backups: list[Backup]) -> None:
    query = {"since": "2026-03-01T02:00", "until": "2026-03-01 04:00", "size": "100"}
    found = set(ids(plain.get(BACKUPS, query)))
    assert found == {backup.id for backup in backups[4:10]}


@pytest.mark.parametrize(("second", "is_in"), [(59, True), (60, False)])
@pytest.mark.parametrize("until", ["2026-03-01T04:00", "2026-03-01T04:00:59.999"])
def test_the_to_filter_includes_its_whole_minute(plain: Client, until: str, second: int, is_in: bool) -> None:
    make_backup(started=START + timedelta(hours=4, seconds=second))
    assert len(ids(plain.get(BACKUPS, {"until": until}))) == is_in


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"since": "2026-11-01T01:00"}, {"first 01:30", "second 01:30", "02:30"}),
        ({"until": "2026-11-01T01:59"}, {"00:30", "first 01:30", "second 01:30"}),
        ({"since": "2026-11-01T01:00", "until": "2026-11-01T01:59"}, {"first 01:30", "second 01:30"}),
        ({"since": "2026-11-01T08:00Z", "until": "2026-11-01T08:59Z"}, {"first 01:30"}),
    ],
)
def test_a_time_range_includes_the_whole_hour_that_clocks_show_twice(
    plain: Client, query: dict[str, str], found: set[str]
) -> None:
    plain.cookies[settings.TIME_ZONE_COOKIE_NAME] = "America/Los_Angeles"
    for hour, name in enumerate(("00:30", "first 01:30", "second 01:30", "02:30"), start=7):
        make_backup(name=name, started=datetime(2026, 11, 1, hour, 30, tzinfo=UTC))
    assert set(names(plain.get(BACKUPS, query))) == found


@pytest.mark.parametrize("address", [BACKUPS, INSTANCES, TASKS, AUDIT])
@pytest.mark.parametrize("moment", ["2026-03-08T02:30", "2026-11-01T01:30"])
def test_every_time_that_a_calendar_shows_is_accepted(plain: Client, address: str, moment: str) -> None:
    plain.cookies[settings.TIME_ZONE_COOKIE_NAME] = "America/Los_Angeles"
    assert not plain.get(address, {"since": moment, "until": moment}).context["filters"].errors


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "until=2026-13-01T00:00",
        "since=%00",
        "since=0001-01-01T00:00%2B14:00",
        "until=9999-12-31T23:59-14:00",
        "since=2026-03-02T00:00&until=2026-03-01T00:00",
    ],
)
def test_an_invalid_time_is_reported_and_the_input_stays(plain: Client, backups: list[Backup], query: str) -> None:
    answer = plain.get(f"{BACKUPS}?{query}&status=FAILED")
    html = answer.content.decode()
    assert answer.status_code == 200 and 'role="alert"' in html
    if "=yesterday" in query:
        assert 'value="yesterday"' in html
    if "until=2026-03-01" not in query:
        assert len(ids(answer)) == 7, "the other filters still narrow"


@pytest.mark.parametrize("page", [BACKUPS, INSTANCES, TASKS, AUDIT])
@pytest.mark.parametrize("query", ["status=lost", "kind=x", "type=%FF", "sort=--name", "size=1e9", "q=%FF", "format=x"])
def test_an_unknown_value_is_no_error(plain: Client, page: str, query: str) -> None:
    make_backup(job=make_job())
    assert plain.get(f"{page}?{query}").status_code == 200


# --- Queries --------------------------------------------------------------------------------

ADDRESSES = [
    *(f"{BACKUPS}?{query}" for query in ("", "sort=name", "sort=-size", "before=end", "sort=size&before=end")),
    *(f"{BACKUPS}?{query}" for query in ("type=Sharding", "status=COMPLETED", "kind=Auto", "instance=orders-1")),
    *(f"{BACKUPS}?{query}" for query in ("type=Sharding&sort=name", "status=COMPLETED&kind=Auto&sort=size")),
    *(f"{BACKUPS}?{query}" for query in ("status=damaged", "status=damaged&sort=name")),
    *(f"{BACKUPS}?{query}" for query in ("q=name-00", "q=name-0017", "q=name&sort=name", "q=name&type=Single")),
    *(f"{BACKUPS}?{query}" for query in ("since=2026-01-01T00:00", "q=name-0017&type=Single&status=COMPLETED")),
    *(f"{INSTANCES}?{query}" for query in ("", "sort=name", "type=Single", "status=normal", "q=orders-1")),
    *(f"{TASKS}?{query}" for query in ("", "status=Completed", "status=interrupted", "kind=backup", "q=orders-1")),
    *(f"{TASKS}?{query}" for query in ("instance=orders-1", "status=Completed&kind=backup", "sort=created")),
    *(f"{AUDIT}?{query}" for query in ("", "sort=time", "user=nobody", "outcome=succeeded", "resource=orders-1")),
    *(f"{AUDIT}?{query}" for query in ("user=nobody&outcome=succeeded", "since=2026-01-01T00:00&resource=orders-1")),
]


TABLES = ("backups_backup", "instances_instance", "instances_job", "console_auditevent")


@pytest.fixture
def rows(db: None) -> None:
    host = make_host()
    instances = [
        make_instance(name=f"Orders-{number}", type=kind, host=host) for number, kind in enumerate(InstanceType)
    ]
    jobs = [make_job(instance_name=f"Orders-{number}", status=JobStatus.COMPLETED, host=host) for number in range(60)]
    for number, job in enumerate(jobs):
        make_backup(
            instances[number % 3],
            name=f"name-{number:04}",
            type=BackupType.AUTOMATED if number % 2 else BackupType.MANUAL,
            damage="It is missing." if number % 3 else "",
            job=job,
        )
        record("dds", user=None, user_name="nobody", resource=Resource("instance", "1", "orders-1"))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans are SQLite's")
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_query_of_a_list_uses_an_index(rows: None, few_are_many: None, address: str) -> None:
    """A list never scans or sorts many rows; it may sort only the few rows that match a name."""
    shown = page(address)
    for each in filter(None, [address, shown.next, shown.previous]):
        with CaptureQueriesContext(connection) as queries:
            many = page(each).total.more
        for query in queries.captured_queries:
            table = re.search(rf'FROM "({"|".join(TABLES)})"', query["sql"])
            if not table or query["sql"].startswith('SELECT "instances_host"'):
                continue
            with connection.cursor() as cursor:
                plan = [row[3] for row in cursor.execute("EXPLAIN QUERY PLAN " + query["sql"]).fetchall()]
            steps = [step for step in plan if table[1] in step]
            assert steps and all("INDEX" in step for step in steps), (each, plan)
            if many:
                assert not any("TEMP B-TREE" in step for step in plan), (each, plan)
            if 'LOWER("backups_backup"."name") >=' in query["sql"] and "CASE WHEN (LOWER" not in query["sql"]:
                assert any("SEARCH" in step and "<expr>>? AND <expr><?" in step for step in steps), (each, plan)


@pytest.mark.parametrize("rows", [1, 50])
@pytest.mark.parametrize("many", [False, True])
def test_every_list_needs_at_most_nine_queries(
    plain: Client, monkeypatch: pytest.MonkeyPatch, rows: int, many: bool
) -> None:
    if many:
        monkeypatch.setattr(counting, "COUNTED", 0)
    # Cache the hosts for longer: reading them, once a second, takes one more query.
    monkeypatch.setattr(hosts, "SHARED_SECONDS", 60)
    plain.get(BACKUPS)
    instance = make_instance(name="orders")
    for number in range(rows):
        job = make_job(status=JobStatus.COMPLETED, instance_name="orders", instance_uid=instance.id)
        make_backup(instance, name=f"orders-{number}", job=job)
        job.parameters = {"backup": job.backup.id}
        job.save()
    for path in (BACKUPS, INSTANCES, TASKS, AUDIT, reverse("backups:instance", args=[instance.id])):
        for query in ("", "?q=orders", "?q=orders&since=2020-01-01&sort=-name&before=end"):
            with CaptureQueriesContext(connection) as queries:
                plain.get(path + query)
            assert len(queries) <= 9, (path, query, len(queries))


def test_every_sort_order_and_filter_has_an_index() -> None:
    """The query plans above rely on these indexes."""
    with connection.cursor() as cursor:
        for table, expected in {
            "backups_backup": {"backup_newest", "backup_name", "backup_size", "backup_newest_of_status"},
            "instances_instance": {"instance_newest", "instance_name", "instance_newest_of_status"},
            "instances_job": {"job_newest", "job_newest_of_status", "job_newest_of_kind", "job_newest_interrupted"},
            "console_auditevent": {"audit_newest", "audit_newest_of_user", "audit_newest_of_outcome"},
        }.items():
            assert expected <= set(connection.introspection.get_constraints(cursor, table))
