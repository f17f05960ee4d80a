"""Instance Management and Basic Information, as pages and as refresh fragments."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from instances.choices import Action, InstanceType, JobKind, JobStatus, State, Status
from instances.models import Instance
from tests.factories import make_backup, make_deployment, make_instance, make_job

pytestmark = pytest.mark.django_db
LIST = reverse("instances:list")


def names(answer: Any) -> set[str]:
    return {instance.name for instance in answer.context["instances"]}


def test_a_row_shows_the_main_facts(plain: Client) -> None:
    instance = make_instance(name="orders", type=InstanceType.CLUSTER, port=8635)
    html = plain.get(LIST).content.decode()
    for text in ("orders", instance.id, "Cluster", "SecantusDB 0.7.0b3", "WiredTiger", "Available"):
        assert text in html, text
    for text in ("127.0.0.1:8635", "Create Backup", "Reset Password"):
        assert text in html, text
    assert f'data-instance-id="{instance.id}"' in html and 'data-status="normal"' in html


def test_an_empty_console_says_what_to_do(plain: Client) -> None:
    html = plain.get(LIST).content.decode()
    assert "Create DB Instance" in html and "<table" not in html


def test_a_search_without_a_result_says_so(plain: Client) -> None:
    make_instance()
    html = plain.get(LIST, {"q": "nothing-like-it"}).content.decode()
    assert "<table" not in html and "nothing-like-it" in html


def test_search_finds_a_name_prefix_in_any_case_or_an_exact_id(plain: Client) -> None:
    orders, users = make_instance(name="Orders-eu"), make_instance(name="users-eu")
    assert names(plain.get(LIST, {"q": "orders"})) == {"Orders-eu"}
    assert names(plain.get(LIST, {"q": users.id})) == {"users-eu"}
    assert names(plain.get(LIST, {"q": orders.id[:10]})) == set()


def test_the_type_tabs_filter_the_list(plain: Client) -> None:
    make_instance(name="cluster-1", type=InstanceType.CLUSTER)
    make_instance(name="node-1", type=InstanceType.SINGLE_NODE)
    answer = plain.get(LIST, {"type": "Single"})
    assert names(answer) == {"node-1"}
    assert [tab.active for tab in answer.context["tabs"]] == [False, False, False, True]


@pytest.mark.parametrize("status", list(Status))
def test_the_status_filter_finds_instances_with_that_status(plain: Client, status: Status) -> None:
    for state in State:
        for action in Action:
            make_instance(state=state, action=action)
    found = plain.get(LIST, {"status": status.code}).context["instances"]
    assert found and {instance.status for instance in found} == {status}
    assert len(found) == sum(instance.status is status for instance in Instance.objects.all())


@pytest.mark.parametrize("query", ["?type=Galaxy", "?status=lost", "?q=%00", "?q=" + "x" * 500, "?type=%FF"])
def test_an_unknown_filter_value_is_no_error(plain: Client, query: str) -> None:
    assert plain.get(LIST + query).status_code == 200


def test_unavailable_actions_are_disabled_and_say_why(plain: Client) -> None:
    make_instance(action=Action.BACKUP)
    html = plain.get(LIST).content.decode()
    assert 'aria-disabled="true"' in html
    assert "No backup can be made now. The instance is: Backing up." in html


@pytest.mark.parametrize("rows", [1, 50])
@pytest.mark.parametrize("state", [State.AVAILABLE, State.ABNORMAL, State.CREATION_FAILED])
def test_the_list_needs_the_same_few_queries_for_any_number_of_rows(
    plain: Client, rows: int, state: State, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_instance(state=state, failure="A reason.", facts_at=timezone.now())
    with django_assert_num_queries(8):
        plain.get(LIST)


@pytest.mark.parametrize("rows", [1, 50])
@pytest.mark.parametrize("export", [False, True])
def test_deployments_cost_the_list_no_queries_of_their_own(
    plain: Client, rows: int, export: bool, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_deployment()
    with django_assert_num_queries(4 if export else 8):
        answer: Any = plain.get(LIST, {"format": "csv"} if export else {})
        body = answer.getvalue().decode()
    assert "db1.example.org:27017,db2.example.org:27017" in body


@pytest.mark.parametrize("rows", [1, 10])
@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.FAILED])
def test_deployments_in_restoration_cost_the_list_no_queries_of_their_own(
    plain: Client, rows: int, status: JobStatus, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        instance = make_deployment().instance
        make_job(kind=JobKind.RESTORE_ORIGINAL, instance=instance, status=status)
    Instance.objects.update(action=Action.RESTORE, state=State.RESTORE_FAILED)
    with django_assert_num_queries(8):
        page = plain.get(LIST).text
    # Only where the restoration has ended, a removal is offered.
    removals = [part.split(">")[0] for part in page.split('id="menu-delete-')[1:]]
    assert ['aria-disabled="true"' in removal for removal in removals] == [status == JobStatus.RUNNING] * rows


def test_a_second_outage_shows_the_last_response_before_it(plain: Client) -> None:
    answered = datetime(2026, 3, 1, 10, 11, 12, tzinfo=UTC)
    make_instance(state=State.ABNORMAL, failure="A reason.", facts_at=answered)
    assert "10:11:12" in plain.get(LIST).text
    Instance.objects.update(facts_at=answered + timedelta(hours=1))
    assert "11:11:12" in plain.get(LIST).text and "10:11:12" not in plain.get(LIST).text


def test_the_list_refreshes_itself_only_while_something_changes(plain: Client) -> None:
    instance = make_instance()
    assert "every 1s" not in plain.get(LIST).content.decode()
    Instance.objects.filter(pk=instance.pk).update(action=Action.BACKUP)
    assert "every 1s" in plain.get(LIST).content.decode()


def test_a_refresh_is_204_without_changes_and_the_fragment_otherwise(htmx: Client) -> None:
    instance = make_instance()
    first = htmx.get(LIST)
    html = first.content.decode()
    assert "<html" not in html
    version = html.split('data-version="')[1].split('"')[0]
    assert htmx.get(LIST, {"version": version}).status_code == 204

    Instance.objects.filter(pk=instance.pk).update(action=Action.BACKUP)
    second = htmx.get(LIST, {"version": version})
    assert second.status_code == 200 and "Backing up" in second.content.decode()
    assert "version=" not in second.content.decode().split("<table")[0].replace("data-version=", "").split("hx-vals")[0]


def test_basic_information_shows_the_facts(plain: Client) -> None:
    instance = make_instance(name="orders", port=8635, documents=4321, connections=2)
    html = plain.get(reverse("instances:detail", args=[instance.id])).content.decode()
    for text in ("orders", instance.id, "mongodb://rwuser@127.0.0.1:8635/", "Backups & Restorations", "4,321"):
        assert text in html, text


def test_basic_information_needs_few_queries(plain: Client, django_assert_num_queries: Any) -> None:
    instance = make_instance()
    make_backup(instance)
    with django_assert_num_queries(6):
        plain.get(reverse("instances:detail", args=[instance.id]))


def test_unknown_ids_wrong_methods_and_anonymous_users_are_rejected(plain: Client, client: Client) -> None:
    assert plain.get("/instances/nothing/").status_code == 404
    assert plain.post(LIST).status_code == 405
    assert client.get(LIST).status_code == 302


def test_page_and_fragment_are_cached_separately(plain: Client) -> None:
    assert "HX-Request" in plain.get(LIST).headers["Vary"]


def test_instances_are_counted_by_displayed_status() -> None:
    for state in State:
        for action in Action:
            make_instance(state=state, action=action)
    counts = Instance.objects.by_status()
    assert list(counts) == list(Status)
    for status, count in counts.items():
        assert count == sum(instance.status is status for instance in Instance.objects.all()), status


def test_the_list_shows_the_last_backup_and_can_sort_by_it(plain: Client) -> None:
    now = timezone.now()
    make_instance(name="recent", last_backup_at=now)
    make_instance(name="bare", created=now - timedelta(days=3))
    make_instance(name="stale", last_backup_at=now - timedelta(days=2))
    answer = plain.get(LIST, {"sort": "backup"})
    assert [instance.name for instance in answer.context["instances"]] == ["bare", "stale", "recent"]
    html = answer.content.decode()
    assert 'data-label="Last Backup"' in html and f'datetime="{now.isoformat()}"' in html
    assert [instance.name for instance in plain.get(LIST, {"sort": "-backup"}).context["instances"]] == [
        *("recent", "stale", "bare")
    ]


def test_pages_sorted_by_last_backup_have_no_gaps(plain: Client) -> None:
    now = timezone.now()
    for number in range(25):
        moment = now - timedelta(hours=number // 2)
        make_instance(name=f"number-{number:02}", **{"last_backup_at" if number % 3 else "created": moment})
    shown: list[str] = []
    address = LIST + "?sort=backup&size=10"
    while address:
        answer = plain.get(address)
        shown += [instance.name for instance in answer.context["instances"]]
        address = answer.context["page"].next
    moments = [Instance.objects.get(name=name).unprotected_since for name in shown]
    assert len(set(shown)) == 25 and moments == sorted(moments)
