"""The notice that agents do not respond: who sees it, what unfolds, and who can hide it for how long."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.accounts.roles import Role
from instances.activity import activity_of
from instances.models import Host
from tests.factories import make_host, make_instance, make_user

pytestmark = pytest.mark.django_db
HOME, AWAY = reverse("instances:list"), reverse("notice-away")


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(make_user(Role.READ_ONLY))
    return client


@pytest.fixture
def lost() -> Host:
    host = make_host("lost", seen=timezone.now() - timedelta(hours=1))
    make_instance(host=host)
    make_host("local")
    return host


def notice(client: Client) -> str:
    return client.get(HOME).text.split('id="notices"')[1].split('class="head"')[0]


def hide(client: Client) -> None:
    outage = notice(client).split('name="outage" value="')[1].split('"')[0]
    assert client.post(AWAY, {"outage": outage}).status_code == 302


@pytest.mark.usefixtures("lost")
def test_one_sentence_and_details_that_unfold(plain: Client) -> None:
    html = notice(plain)
    line, details = html.split("</summary>")
    assert "Host lost is offline: its agent has stopped responding." in " ".join(line.split()) and "Details" in line
    assert "Last heartbeat" in details and "manage.py up" in details and "<details>" in line


@pytest.mark.usefixtures("lost")
def test_several_hosts_are_one_notice_that_names_each(plain: Client) -> None:
    make_instance(host=make_host("gone", seen=timezone.now() - timedelta(hours=2)))
    html = notice(plain)
    assert html.count('class="banner') == 1 and "2 hosts are offline" in html
    assert html.count("Last heartbeat") == 2 and "<strong>gone</strong>" in html


@pytest.mark.usefixtures("lost")
def test_who_cannot_act_can_hide_it_for_this_outage(reader: Client) -> None:
    hide(reader)
    assert "offline" not in notice(reader)
    Host.objects.filter(name="lost").update(seen=timezone.now() - timedelta(minutes=5))
    assert "Host lost is offline" in notice(reader)


@pytest.mark.usefixtures("lost")
def test_polls_do_not_show_it_again(reader: Client) -> None:
    hide(reader)
    assert "offline" not in reader.get(reverse("activity")).json()["notices"]


@pytest.mark.usefixtures("lost")
def test_who_can_act_cannot_hide_it(plain: Client) -> None:
    assert AWAY not in notice(plain)
    plain.post(AWAY, {"outage": activity_of(User.objects.get(), timezone.now()).outage})
    assert "Host lost is offline" in notice(plain)


def test_get_hides_nothing_and_strangers_cannot(reader: Client, client: Client) -> None:
    assert reader.get(AWAY).status_code == 405
    assert client.post(AWAY).status_code == 302 and "sign-in" in client.post(AWAY).headers["Location"]
