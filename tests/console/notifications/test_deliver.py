"""A courier delivers to real receivers: in order, with retries, once."""

import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone
from pytest_django import Settings

from console.notifications import courier as couriers
from console.notifications import sending
from console.notifications.choices import DeliveryStatus, EventKind
from console.notifications.courier import PAUSES, TOO_OLD, Courier
from console.notifications.events import KEPT, forget
from console.notifications.models import Delivery, Event
from console.notifications.services import send_test
from tests.console.notifications.channels import later, make_channel, offline, statuses, work
from tests.console.notifications.receivers import HttpReceiver, free_port, http_receiver, mail_receiver
from tests.factories import make_user
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db

SENTENCE = "Host one is offline: its agent has stopped responding."


def test_a_web_hook_gets_a_sentence_and_a_link(receiver: HttpReceiver, settings: Settings) -> None:
    settings.CONSOLE_URL = "https://console.example.org"
    make_channel(receiver.url())
    offline(path="/instances/")
    work(Courier("local"))
    assert [(each["title"], each["message"], each["type"]) for each in receiver.messages] == [
        ("Host offline", f"{SENTENCE}\nhttps://console.example.org/instances/", "failure")
    ]
    sent = Delivery.objects.get()
    assert (sent.status, sent.attempts, sent.due, sent.failure) == (DeliveryStatus.DELIVERED, 1, None, "")
    assert sent.ended is not None


def test_without_console_url_there_is_no_link(receiver: HttpReceiver) -> None:
    make_channel(receiver.url())
    offline(path="/instances/")
    work(Courier("local"))
    assert receiver.messages[0]["message"] == SENTENCE


def test_a_mail_server_gets_a_mail(settings: Settings) -> None:
    port = free_port()
    make_channel(f"mailto://127.0.0.1:{port}?from=console@example.org&to=team@example.org&format=text")
    offline()
    with mail_receiver(port) as mails:
        work(Courier("local"))
    assert [mail["Subject"] for mail in mails] == ["Host offline"]
    assert mails[0]["X-RcptTo"] == "team@example.org"
    assert SENTENCE in mails[0].get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_messages_of_a_channel_arrive_in_order(receiver: HttpReceiver) -> None:
    make_channel(receiver.url())
    for host in ("one", "two", "three"):
        offline(host)
    receiver.status = 500
    courier = Courier("local")
    work(courier)
    assert statuses() == ["waiting"] * 3 and len(receiver.paths) == 1
    receiver.status = 200
    work(courier, later(60))
    assert [sentence.split()[1] for sentence in receiver.sentences] == ["one", "two", "three"]


def test_a_receiver_that_answers_500_is_tried_again_and_given_up_at_last(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "PAUSES", PAUSES[:2])
    receiver.status = 500
    make_channel(receiver.url())
    offline()
    courier, now = Courier("local"), timezone.now()
    for attempt, pause in enumerate(PAUSES[:2], start=1):
        work(courier, now)
        delivery = Delivery.objects.get()
        assert (delivery.status, delivery.attempts, delivery.due) == (DeliveryStatus.WAITING, attempt, now + pause)
        assert delivery.failure == "The receiver refused the message with the status 500."
        work(courier, now + pause - timedelta(seconds=1))
        assert Delivery.objects.get().attempts == attempt
        now += pause
    work(courier, now)
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.due) == (DeliveryStatus.GIVEN_UP, 3, None)
    assert len(receiver.paths) == 3


def test_a_receiver_that_was_down_for_a_while_gets_everything() -> None:
    port = free_port()
    make_channel(f"mailto://127.0.0.1:{port}?from=console@example.org&to=team@example.org")
    offline("one")
    courier = Courier("local")
    work(courier)
    assert Delivery.objects.get().failure == "The receiver cannot be reached. Check the URL and the network."
    offline("two")
    with mail_receiver(port) as mails:
        work(courier, later(60))
    assert len(mails) == 2 and statuses() == ["delivered"] * 2


def test_a_slow_receiver_delays_no_other_channel_and_no_tick(receiver: HttpReceiver) -> None:
    receiver.answers.clear()
    with http_receiver() as fast:
        make_channel(receiver.url(), name="slow")
        make_channel(fast.url(), name="fast")
        offline()
        courier = Courier("local")
        began = time.monotonic()
        courier.tick(timezone.now())
        assert time.monotonic() - began < 8

        def arrived() -> bool:
            courier.tick(timezone.now())
            return bool(fast.messages)

        wait_for(arrived)
        assert receiver.messages == [] and courier.busy
        receiver.answers.set()
        work(courier)


def test_an_attempt_that_takes_too_long_is_ended(receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TIME_LIMIT", 0.0)
    receiver.answers.clear()
    make_channel(receiver.url())
    offline()
    work(Courier("local"))
    assert Delivery.objects.get().failure == "The receiver did not answer in time."


def test_of_two_couriers_one_sends(receiver: HttpReceiver) -> None:
    receiver.answers.clear()
    make_channel(receiver.url())
    offline()
    first, second = Courier("one"), Courier("two")
    first.tick(timezone.now())
    second.tick(timezone.now())
    assert first.busy and not second.busy
    receiver.answers.set()
    work(first)
    assert len(receiver.messages) == 1


def test_what_a_dead_agent_was_sending_is_taken_over(receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    make_channel(receiver.url())
    offline()
    Delivery.objects.update(status=DeliveryStatus.SENDING, token=uuid.uuid4(), attempts=1)
    courier = Courier("local")
    work(courier)
    assert receiver.messages == []
    monkeypatch.setattr(couriers, "ABANDONED_SECONDS", -1.0)
    work(courier)
    assert len(receiver.messages) == 1 and Delivery.objects.get().attempts == 2


def test_what_a_clock_put_far_ahead_is_sent_now(receiver: HttpReceiver) -> None:
    make_channel(receiver.url())
    offline()
    Delivery.objects.update(due=later(3600 * 24 * 365))
    work(Courier("local"))
    assert statuses() == ["delivered"]


def test_an_old_message_is_not_sent(receiver: HttpReceiver) -> None:
    make_channel(receiver.url())
    offline()
    Delivery.objects.update(created=timezone.now() - TOO_OLD - timedelta(minutes=1))
    work(Courier("local"))
    assert statuses() == ["given_up"] and receiver.paths == []


def test_a_test_is_tried_once(receiver: HttpReceiver) -> None:
    receiver.status = 401
    channel = make_channel(receiver.url(), enabled=False)
    send_test(channel=channel, requested_by=make_user())
    work(Courier("local"))
    delivery = Delivery.objects.get()
    assert delivery.status == DeliveryStatus.GIVEN_UP and "401" in delivery.failure
    receiver.status = 200
    send_test(channel=channel, requested_by=make_user())
    work(Courier("local"))
    assert receiver.sentences == ["This is a test of the channel “on-call”. It works."]


def test_an_agent_without_the_key_says_so(receiver: HttpReceiver, settings: Settings) -> None:
    make_channel(receiver.url())
    offline()
    settings.CONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    work(Courier("two"))
    delivery = Delivery.objects.get()
    assert delivery.status == DeliveryStatus.WAITING and delivery.failure.startswith("The host two cannot read the URL")


def test_secrets_are_in_no_log_no_row_and_no_argument(
    receiver: HttpReceiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    receiver.answers.clear()
    make_channel(receiver.url(secret="sesame-in-the-url"))
    offline()
    courier = Courier("local")
    courier.tick(timezone.now())
    wait_for(lambda: receiver.paths)
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert any(b"sender.py" in line for line in lines) and not any(b"sesame" in line for line in lines)
    receiver.status = 500
    receiver.answers.set()
    work(courier)
    rows = [str(row) for row in [*Delivery.objects.values(), *Event.objects.values()]]
    rows += [str(row) for row in Delivery.objects.values("channel__sealed_url", "channel__scheme", "channel__name")]
    assert "sesame" not in "".join(rows) + caplog.text


def test_old_deliveries_and_events_are_deleted(receiver: HttpReceiver) -> None:
    make_channel(receiver.url())
    offline("one")
    offline("two", lasting="host:two")
    work(Courier("local"))
    forget(timezone.now())
    assert Delivery.objects.count() == 2
    forget(timezone.now() + KEPT + timedelta(days=1))
    # What lasts must not be reported again.
    assert Delivery.objects.count() == 0 and [each.lasting for each in Event.objects.all()] == ["host:two"]


def test_every_kind_has_a_heading_in_english() -> None:
    assert all(kind.heading for kind in EventKind)
