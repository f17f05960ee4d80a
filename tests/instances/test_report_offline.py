"""A host that goes offline is reported once in each outage."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console.notifications.models import Event
from instances import offline
from instances.models import Host
from instances.models.host import offline_after
from instances.offline import OfflineCheck
from tests.factories import make_host, make_instance

pytestmark = pytest.mark.django_db


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(offline, "time", made)
    return made


def put_offline(name: str = "away") -> Host:
    host = make_host(name, seen=timezone.now() - timedelta(minutes=1))
    make_instance(host=host)
    make_host("here")
    return host


def test_a_host_is_reported_once_in_an_outage(clock: Clock) -> None:
    put_offline()
    check = OfflineCheck()
    for _ in range(4):
        check(timezone.now())
        clock.now += offline_after().total_seconds()
    event = Event.objects.get()
    assert event.message == "Host away is offline: its agent has stopped responding."
    make_host("away")
    check(timezone.now())
    put_offline()
    for _ in range(2):
        check(timezone.now())
        clock.now += offline_after().total_seconds()
    assert Event.objects.count() == 2


def test_a_heartbeat_that_is_old_because_the_database_was_away_is_not_reported(clock: Clock) -> None:
    put_offline()
    check = OfflineCheck()
    check(timezone.now())
    clock.now += offline_after().total_seconds() - 1
    check(timezone.now())
    make_host("away")
    check(timezone.now())
    assert not Event.objects.exists()


@pytest.mark.parametrize("seen", [None, timezone.now])
def test_a_host_that_is_expected_or_online_is_not_reported(clock: Clock, seen: object) -> None:
    put_offline()
    Host.objects.filter(name="away").update(seen=seen() if callable(seen) else seen)
    check = OfflineCheck()
    for _ in range(2):
        check(timezone.now())
        clock.now += 100
    assert not Event.objects.exists()


def test_a_host_that_nobody_needs_is_not_reported(clock: Clock) -> None:
    make_host("away", seen=timezone.now() - timedelta(minutes=1))
    check = OfflineCheck()
    for _ in range(2):
        check(timezone.now())
        clock.now += 100
    assert not Event.objects.exists()
