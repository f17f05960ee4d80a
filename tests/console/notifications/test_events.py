"""What is reported, to which channels, and how often."""

import pytest
from django.db import transaction
from django.utils import translation
from pytest_django import Settings

from console.notifications import events
from console.notifications.choices import EventKind, Level
from console.notifications.models import Delivery, Event
from console.text.messages import Message
from tests.at_once import at_once
from tests.console.notifications.channels import make_channel, offline

pytestmark = pytest.mark.django_db

DONE = Message("event.restore_done", backup="b", instance="i")


def test_a_channel_gets_only_what_it_wants() -> None:
    make_channel(name="all")
    make_channel(name="hosts", events=[EventKind.HOST_OFFLINE])
    make_channel(name="errors", minimum=Level.ERROR)
    make_channel(name="off", enabled=False)
    events.report(EventKind.RESTORE_DONE, DONE)
    assert [each.channel.name for each in Delivery.objects.all()] == ["all"]
    offline()
    assert {each.channel.name for each in Delivery.objects.filter(event__kind="host_offline")} == {
        "all",
        "hosts",
        "errors",
    }


def test_what_lasts_is_reported_once_until_it_has_ended() -> None:
    make_channel()
    assert offline(lasting="host:one") and not offline(lasting="host:one")
    assert offline("two", lasting="host:two")
    events.end("host:one")
    assert offline(lasting="host:one")
    assert Event.objects.count() == Delivery.objects.count() == 3


def test_a_report_is_undone_with_the_transaction_that_made_it() -> None:
    make_channel()
    with pytest.raises(RuntimeError), transaction.atomic():
        offline(lasting="host:one")
        raise RuntimeError
    assert Event.objects.count() == Delivery.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_agents_one_reports_what_lasts() -> None:
    at_once(2, lambda _number: offline(lasting="host:one"))
    assert Event.objects.count() == 1


def test_an_event_is_read_in_the_language_of_its_reader() -> None:
    offline()
    assert Event.objects.get().message == "Host one is offline: its agent has stopped responding."
    with translation.override("zh-hans"):
        assert "离线" in Event.objects.get().message


def test_the_hours_are_in_the_label(settings: Settings) -> None:
    settings.CONSOLE_UNPROTECTED_HOURS = 26
    assert EventKind.UNPROTECTED.choice == "No Complete backup for 26 hours"
