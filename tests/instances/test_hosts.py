"""Several hosts: the choice for a new instance, the agent of each host, and actions while a host is offline."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.services.create import create_backup
from backups.services.delete import delete_backup
from backups.services.restore import restore_to_new_instance, restore_to_original
from backups.services.verify import verify_backup
from console.text.refused import Refused
from instances import hosts, services
from instances.choices import InstanceType, JobStatus
from instances.hosts import LITTLE_SPACE, Load, least_loaded
from instances.models import Host, Instance, Job
from instances.queue.agent import Agent
from tests.factories import PASSWORD_FIELDS, make_backup, make_host, make_instance

LIST, CREATE = reverse("instances:list"), reverse("instances:create")
FORM = {"name": "orders", "type": "Single", "request_key": "0" * 32, **PASSWORD_FIELDS}
GIB = 1024**3


# --- The host of a new instance -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loads", "chosen"),
    [
        ([], None),
        ([Load("a", 3), Load("b", 2), Load("c", 4)], "b"),
        ([Load("a", 2, 5 * GIB), Load("b", 2, 9 * GIB)], "b"),
        ([Load("b", 2), Load("a", 2)], "a"),
        # An unlimited host has more space than any other.
        ([Load("a", 2, 9 * GIB), Load("b", 2, None)], "b"),
        # Backups would fail on a host that cannot store archives.
        ([Load("a", 9), Load("b", 0, None, "Read-only file system")], "a"),
        ([Load("a", 9, 2 * GIB), Load("b", 0, LITTLE_SPACE - 1)], "a"),
        ([Load("a", 1, 0), Load("b", 0, 0)], "b"),
        ([Load("a", 0, 0), Load("b", 9, None, "Read-only file system")], "a"),
    ],
)
def test_the_least_loaded_host_is_chosen(loads: list[Load], chosen: str | None) -> None:
    assert least_loaded(loads) == chosen
    assert least_loaded(reversed(loads)) == chosen


# --- The agent of a host --------------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestHold:
    def test_an_agent_takes_a_new_host_and_keeps_it(self) -> None:
        now = timezone.now()
        assert hosts.take("b", agent="first", before="", now=now)
        assert Host.objects.get().is_online(now)
        assert hosts.write_heartbeat("b", agent="first", now=now + timedelta(seconds=5))

    def test_a_second_agent_of_the_same_host_is_refused(self) -> None:
        now = timezone.now()
        hosts.take("b", agent="first", before="", now=now)
        assert not hosts.take("b", agent="second", before="", now=now + timedelta(seconds=14))
        assert not hosts.take("b", agent="second", before="another", now=now + timedelta(seconds=14))
        assert hosts.write_heartbeat("b", agent="first", now=now)

    def test_an_agent_that_has_stopped_responding_loses_its_host(self) -> None:
        now = timezone.now()
        hosts.take("b", agent="first", before="", now=now)
        assert hosts.take("b", agent="second", before="", now=now + timedelta(seconds=15))
        assert not hosts.write_heartbeat("b", agent="first", now=now + timedelta(seconds=16))
        assert Host.objects.get().agent == "second"

    def test_an_agent_restarted_on_the_same_home_does_not_wait(self) -> None:
        now = timezone.now()
        hosts.take("b", agent="first", before="", now=now)
        assert hosts.take("b", agent="second", before="first", now=now)

    def test_no_agent_waits_after_a_clean_stop(self) -> None:
        now = timezone.now()
        hosts.take("b", agent="first", before="", now=now)
        hosts.release("b", agent="another")
        assert not hosts.take("b", agent="second", before="", now=now)
        hosts.release("b", agent="first")
        assert hosts.take("b", agent="second", before="", now=now)

    def test_an_agent_that_lost_its_host_ends(self) -> None:
        agent = Agent("b", {})
        assert agent.take_host(before="")
        hosts.take("b", agent="another", before=agent.token, now=timezone.now())
        agent._lose_host()
        assert agent._may_end()
        agent.supervisor.shut_down()


# --- While a host is offline ----------------------------------------------------------------------------------------


@pytest.fixture
def offline(db: None) -> Host:
    return make_host("away", seen=timezone.now() - timedelta(minutes=5))


def test_nothing_is_queued_for_an_offline_host_and_nothing_changes(offline: Host, user: User) -> None:
    instance = make_instance(host=offline)
    backup = make_backup(instance)
    asked: list[Any] = [
        lambda: create_backup(instance=instance, name="nightly", requested_by=user),
        lambda: services.restart_instance(instance=instance, requested_by=user),
        lambda: services.delete_instance(instance=instance, requested_by=user),
        lambda: services.create_instance(name="new-one", type=InstanceType.CLUSTER, host=offline, requested_by=user),
        lambda: delete_backup(backup=backup, requested_by=user),
        lambda: verify_backup(backup=backup, requested_by=user),
        lambda: restore_to_new_instance(backup=backup, name="copy-of-it", requested_by=user),
        lambda: restore_to_original(backup=backup, safety_backup=False, requested_by=user),
    ]
    for ask in asked:
        with pytest.raises(Refused, match="Host away is offline: its agent has stopped responding"):
            ask()
    instance.refresh_from_db()
    backup.refresh_from_db()
    assert instance.action == "" and (backup.status, backup.uses, backup.verifying) == ("COMPLETED", 0, False)
    assert not Job.objects.exists() and Instance.objects.count() == 1


def test_actions_that_need_no_agent_are_allowed(offline: Host, user: User) -> None:
    instance = make_instance(host=offline)
    assert services.rename_instance(instance=instance, name="renamed", requested_by=user).name == "renamed"


def test_jobs_wait_until_the_agent_of_their_host_has_started(offline: Host, user: User) -> None:
    hosts.expect("away", before="", now=timezone.now())
    offline.refresh_from_db()
    create_backup(instance=make_instance(host=offline), name="nightly", requested_by=user)
    assert Job.objects.get().status == JobStatus.QUEUED


def test_an_online_host_stays_online_when_another_agent_is_expected(db: None) -> None:
    seen = make_host("here", agent="running").seen
    hosts.expect("here", before="ended", now=timezone.now())
    assert Host.objects.get().seen == seen


@pytest.mark.parametrize("agent", ["", "ended"], ids=["stopped", "killed"])
def test_a_host_whose_agent_has_just_ended_does_not_go_offline_while_the_next_one_starts(db: None, agent: str) -> None:
    host, now = make_host("here", agent=agent, seen=timezone.now() - timedelta(seconds=14)), timezone.now()
    hosts.expect("here", before="ended", now=now)
    host.refresh_from_db()
    assert not host.refusal and host.offline_since is None
    assert not Host.objects.offline(now + timedelta(seconds=5))


def test_instances_of_an_offline_host_say_so_and_keep_their_status(offline: Host, plain: Client) -> None:
    instance = make_instance(host=offline, name="orders")
    for path in (LIST, instance.get_absolute_url()):
        html = plain.get(path).text
        assert "Host offline since" in html and "Available" in html, path
        assert 'data-status="normal"' in html and "every 1s" in html
    assert "Host away is offline" in plain.get(LIST).text
    Host.objects.filter(pk="away").update(seen=timezone.now())
    assert "Host offline" not in plain.get(LIST).text


def test_a_cached_row_says_that_its_host_went_offline(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_instance(name="orders")
    overview = reverse("home")
    assert "Host offline" not in plain.get(LIST).text
    assert "its agent has stopped responding (last heartbeat" not in plain.get(overview).text
    later = timezone.now() + timedelta(seconds=20)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert "Host offline" in plain.get(LIST).text
    assert "its agent has stopped responding (last heartbeat" in plain.get(overview).text


def test_instances_of_an_offline_host_are_not_offered_for_a_backup(offline: Host, plain: Client) -> None:
    away = make_instance(host=offline, name="gone-away", type=InstanceType.CLUSTER)
    make_instance(name="still-here", type=InstanceType.CLUSTER)
    html = plain.get(reverse("backups:create")).text
    assert "still-here" in html and f'value="{away.id}"' not in html


# --- Choosing and seeing the host -----------------------------------------------------------------------------------


def test_a_single_host_is_neither_a_choice_nor_a_filter(plain: Client) -> None:
    make_instance()
    assert 'name="host"' not in plain.get(CREATE).text + plain.get(LIST).text


def test_the_dialog_offers_online_hosts(offline: Host, plain: Client) -> None:
    make_instance(host=make_host("a"))
    Host.objects.filter(pk="a").update(storage_free=3 * GIB)
    make_host("b")
    form = plain.get(CREATE).context["form"]
    assert form.fields["host"].choices == [
        ("", "Least loaded (b)"),
        ("a", "a: 1 instance, 3.0\xa0GB free for archives"),
        ("b", "b: 0 instances"),
    ]


@pytest.mark.parametrize(("sent", "expected"), [({"host": "a"}, "a"), ({"host": ""}, "b"), ({}, "b")])
def test_a_new_instance_goes_to_the_chosen_or_least_loaded_host(
    htmx: Client, sent: dict[str, str], expected: str
) -> None:
    make_instance(host=make_host("a"))
    make_host("b")
    assert htmx.post(CREATE, FORM | sent).status_code == 204
    made = Instance.objects.get(name="orders")
    assert made.host_id == expected == Job.objects.get().host_id


def test_a_host_that_has_gone_offline_is_rejected_beside_its_field(offline: Host, htmx: Client) -> None:
    make_host("a")
    make_host("b")
    answer = htmx.post(CREATE, FORM | {"host": "away"})
    assert answer.status_code == 422 and "offline or no longer exists" in json.dumps(answer.context["form"].errors)
    assert not Instance.objects.exists()


def test_the_dialog_says_so_if_no_host_is_online(offline: Host, htmx: Client, settings: Any) -> None:
    settings.CONSOLE_HOST = "away"
    answer = htmx.post(CREATE, FORM)
    assert answer.status_code == 422 and "Host away is offline" in answer.text
    assert not Instance.objects.exists()


def test_several_hosts_have_a_column_and_a_filter(plain: Client) -> None:
    make_instance(host=make_host("alpha"), name="orders")
    make_instance(host=make_host("beta"), name="users")
    html = plain.get(LIST).text
    assert 'data-label="Host"' in html and '<select name="host"' in html
    found = plain.get(LIST, {"host": "beta"}).context["instances"]
    assert [instance.name for instance in found] == ["users"]
    assert len(plain.get(LIST, {"host": "nobody"}).context["instances"]) == 2


def test_basic_information_says_where_its_clients_have_to_run(plain: Client) -> None:
    instance = make_instance(host=make_host("alpha"), port=8635)
    html = plain.get(reverse("instances:detail", args=[instance.id])).text
    assert "127.0.0.1:8635" in html
    assert "Programs that connect to it must run on host alpha." in html


# --- The host of an archive -----------------------------------------------------------------------------------------


def test_a_restored_instance_is_created_on_the_host_of_the_archive(user: User, db: None) -> None:
    backup = make_backup(make_instance(host=make_host("alpha")))
    make_host("beta")
    restoration = restore_to_new_instance(backup=backup, name="orders-copy", requested_by=user)
    assert restoration.target is not None and restoration.target.host_id == "alpha"


def test_with_shared_storage_a_restored_instance_goes_to_the_least_loaded_host(
    user: User, db: None, monkeypatch: pytest.MonkeyPatch, offline: Host
) -> None:
    monkeypatch.setattr("backups.storage.base.ArchiveStorage.shared", True)
    backup = make_backup(make_instance(host=offline))
    make_host("beta")
    restoration = restore_to_new_instance(backup=backup, name="orders-copy", requested_by=user)
    assert restoration.target is not None and restoration.target.host_id == "beta"
    assert verify_backup(backup=backup, requested_by=user).host_id == "beta"


def test_a_backup_on_another_host_is_not_restored_over_the_instance(user: User, db: None) -> None:
    instance = make_instance(host=make_host("alpha"))
    backup = make_backup(instance, host=make_host("beta"))
    with pytest.raises(Refused, match="The archive is on host beta, the instance on alpha"):
        restore_to_original(backup=backup, safety_backup=False, requested_by=user)
    assert not Job.objects.exists()
