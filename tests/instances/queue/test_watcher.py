"""The watcher of existing deployments, which are fake here."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone
from pytest_django import Settings

from instances import engines
from instances.choices import Action, State
from instances.engines.base import Access, EngineError
from instances.models import Deployment, Instance
from instances.queue import watcher as queue_watcher
from instances.queue.supervisor import Supervisor
from instances.queue.watcher import Check, Watcher
from tests.engines import FakeDeployment, FakeWatch
from tests.factories import make_deployment, make_instance
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db
AWAY = "The deployment has gone away."


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    made = FakeDeployment()
    monkeypatch.setitem(engines.ENGINES, "deployment", made)
    return made


@pytest.fixture
def deployment() -> Deployment:
    return make_deployment(password="opensesame")


@pytest.fixture
def check(deployment: Deployment) -> Check:
    return Check(deployment.pk, tuple)


def shown() -> tuple[str, str]:
    instance = Instance.objects.get()
    return instance.state, instance.failure


def test_a_deployment_that_answers_shows_what_it_is(check: Check, engine: FakeDeployment) -> None:
    Instance.objects.update(state=State.ABNORMAL, failure=AWAY, type="Single")
    engine.seen = replace(engine.seen, engine_version="8.0.5\0<b>" + "x" * 50)
    check.check()
    instance = Instance.objects.get()
    assert shown() == (State.AVAILABLE, "")
    assert (instance.type, instance.documents, instance.storage_bytes) == ("ReplicaSet", 12, 4096)
    assert instance.engine_version.startswith("8.0.5bxx") and len(instance.engine_version) == 32
    assert instance.facts_at is not None


def test_a_deployment_is_abnormal_when_it_fails_twice_and_available_when_it_answers(
    check: Check, engine: FakeDeployment, deployment: Deployment
) -> None:
    engine.down[deployment.address] = AWAY
    check.check()
    assert shown() == (State.AVAILABLE, "")
    check.check()
    assert shown() == (State.ABNORMAL, AWAY)
    engine.down.clear()
    check.check()
    assert shown() == (State.AVAILABLE, "")


def test_a_deployment_that_answers_but_is_slow_to_say_what_it_has_is_available(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def too_slow(watch: FakeWatch) -> None:
        asked.append(watch)
        raise EngineError("The deployment did not answer within 15 seconds.")

    monkeypatch.setattr(FakeWatch, "facts", too_slow)
    Instance.objects.update(documents=7, state=State.ABNORMAL)
    for _ in range(3):
        check.check()
        assert shown() == (State.AVAILABLE, "")
    assert len(asked) == 1, "a slow deployment is not asked at every check"
    assert Instance.objects.get().documents == 7


@pytest.mark.parametrize("why", ["", "The certificate has expired."])
def test_a_renewed_certificate_is_noted_within_an_hour(
    check: Check, engine: FakeDeployment, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    now, first, renewed = [5000.0], timezone.now(), timezone.now() + timedelta(days=90)
    monkeypatch.setattr("instances.queue.watcher.time.monotonic", lambda: now[0])
    Deployment.objects.update(tls=True, certificate_expires=first)
    if why:
        engine.down[deployment.address] = why

    def noted(expires: datetime | None) -> datetime | None:
        engine.tested = replace(engine.tested, certificate_expires=expires)
        check.check()
        return Deployment.objects.get().certificate_expires

    assert noted(first) == first
    now[0] += 3599
    assert noted(renewed) == first
    now[0] += 1
    assert noted(None) == first, "a server that shows none now may show one later"
    now[0] += 3600
    assert noted(renewed) == renewed


def test_the_certificate_of_the_old_connection_is_not_noted_for_an_edited_one(
    check: Check, engine: FakeDeployment
) -> None:
    Deployment.objects.update(tls=True)
    engine.tested = replace(engine.tested, certificate_expires=timezone.now())

    def edit(access: Access) -> None:
        Deployment.objects.update(address="mongodb://elsewhere.example.org:27017/")

    engine.asked = edit
    check.check()
    assert Deployment.objects.get().certificate_expires is None


def test_edited_credentials_are_used_at_the_next_check(
    check: Check, engine: FakeDeployment, deployment: Deployment
) -> None:
    check.check()
    check.check()
    deployment.seal_password("another")
    deployment.save()
    check.check()
    assert [watch.access.password for watch in engine.watches] == ["opensesame", "another"]
    assert [watch.closed for watch in engine.watches] == [True, False]


def test_a_lost_credential_key_asks_for_the_password(check: Check, settings: Settings) -> None:
    settings.CONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    check.check()
    state, failure = shown()
    assert state == State.ABNORMAL and "Enter the password again" in failure


@pytest.mark.parametrize("state", [State.CREATING, State.CREATION_FAILED])
def test_a_deployment_that_was_never_reached_is_not_watched(deployment: Deployment, state: State) -> None:
    Instance.objects.update(state=state)
    assert not Watcher("local")._rows()


def test_the_state_of_a_restoration_is_not_changed(
    check: Check, engine: FakeDeployment, deployment: Deployment
) -> None:
    Instance.objects.update(state=State.RESTORE_FAILED, action=Action.RESTORE)
    check.check()
    assert shown() == (State.RESTORE_FAILED, "")
    engine.down[deployment.address] = AWAY
    check.check()
    check.check()
    assert shown() == (State.RESTORE_FAILED, "")


def test_the_supervisor_leaves_deployments_to_the_watcher(deployment: Deployment) -> None:
    embedded = make_instance()
    supervisor = Supervisor("local")
    supervisor.begin()
    assert list(supervisor._servers) == [embedded.pk]
    assert Instance.objects.get(pk=deployment.pk).state == State.AVAILABLE
    supervisor.shut_down()


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher("local")
    yield made
    made.stop()


@pytest.mark.django_db(transaction=True)
def test_a_deployment_that_hangs_delays_neither_others_nor_the_end(engine: FakeDeployment, watcher: Watcher) -> None:
    stuck = make_deployment(address="mongodb://stuck.example")
    other = make_deployment(address="mongodb://other.example")
    hanging, go_on = threading.Event(), threading.Event()

    def ask(access: Access) -> None:
        if access.address == stuck.address:
            hanging.set()
            assert go_on.wait(60)

    engine.asked = ask
    try:
        watcher.reconcile(timezone.now())
        assert hanging.wait(60)
        wait_for(lambda: Instance.objects.get(pk=other.pk).facts_at)
        threads = [watcher._checks[each.pk]._thread for each in (stuck, other)]
        watcher.stop()
        threads[1].join(60)
        assert [thread.is_alive() for thread in threads] == [True, False]
    finally:
        go_on.set()
    threads[0].join(60)


@pytest.mark.django_db(transaction=True)
def test_a_changed_connection_is_checked_at_once(
    engine: FakeDeployment, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_watcher, "CHECK_EVERY", 3600.0)
    deployment = make_deployment()
    watcher.reconcile(timezone.now())
    wait_for(lambda: engine.watches)
    Deployment.objects.filter(pk=deployment.pk).update(address="mongodb://moved.example")
    watcher.reconcile(timezone.now())
    wait_for(lambda: [watch.access.address for watch in engine.watches][-1] == "mongodb://moved.example")
    Instance.objects.update(action=Action.DELETE)
    thread = watcher._checks[deployment.pk]._thread
    watcher.reconcile(timezone.now())
    thread.join(60)
    assert not thread.is_alive() and engine.watches[-1].closed


@pytest.mark.django_db(transaction=True)
def test_the_failure_of_a_short_restoration_is_checked_at_once(
    engine: FakeDeployment, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restoration may have begun and ended since the watcher last looked."""
    monkeypatch.setattr(queue_watcher, "CHECK_EVERY", 3600.0)
    deployment = make_deployment()
    watcher.reconcile(timezone.now())
    wait_for(lambda: Instance.objects.get(pk=deployment.pk).facts_at)
    Instance.objects.update(state=State.RESTORE_FAILED, failure=AWAY)
    watcher.reconcile(timezone.now())
    wait_for(lambda: shown() == (State.AVAILABLE, ""))
