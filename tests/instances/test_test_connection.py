"""The job of Test Connection; only the deployment is fake."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from console.text.messages import Message
from instances import engines
from instances.choices import Action, JobKind, JobStatus, State
from instances.engines.base import Access
from instances.engines.deployment import testing_connection as testing
from instances.jobs import test_connection
from instances.models import Deployment, Instance, Job
from instances.queue.requests import cancel, enqueue
from instances.queue.work import Work
from tests.engines import FakeDeployment
from tests.factories import make_deployment
from tests.jobs import claimed, do, fail_unrenewed

pytestmark = pytest.mark.django_db
AWAY = "The deployment has gone away."
EXPIRES = datetime(2031, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    made = FakeDeployment()
    finding = testing.Finding("ok", Message("instance.gone"))
    made.tested = testing.Tested([finding], made.seen, "ReplicaSet", ("snapshot",), EXPIRES)
    monkeypatch.setitem(engines.ENGINES, "deployment", made)
    return made


@pytest.fixture
def deployment() -> Deployment:
    """Return a deployment that has not been tested yet, with a queued test."""
    made = make_deployment(password="opensesame", ways=[], tested=None)
    Instance.objects.update(state=State.CREATING, engine="", type="Single")
    request(made)
    return made


def request(deployment: Deployment) -> Job:
    instance = Instance.objects.get(pk=deployment.pk)
    return enqueue(JobKind.TEST_CONNECTION, host=instance.host, instance=instance, requested_by=None)


def shown() -> tuple[str, str]:
    instance = Instance.objects.get()
    return instance.state, instance.failure


def test_what_the_test_finds_is_shown_and_the_instance_is_available(deployment: Deployment) -> None:
    job = do()
    assert (job.status, shown()) == (JobStatus.COMPLETED, (State.AVAILABLE, ""))
    deployment.refresh_from_db()
    assert deployment.tested and (deployment.ways, deployment.certificate_expires) == (["snapshot"], EXPIRES)
    assert deployment.findings == [{"tone": "ok", "message": '{"code": "instance.gone", "params": {}}'}]
    instance = Instance.objects.get()
    assert (instance.type, instance.engine, instance.documents) == ("ReplicaSet", "MongoDB", 12)


@pytest.mark.parametrize("allowed", [True, False])
def test_the_test_writes_only_if_it_may(deployment: Deployment, engine: FakeDeployment, allowed: bool) -> None:
    Deployment.objects.update(may_probe=allowed)
    do()
    assert engine.probed is allowed


def test_a_first_test_that_fails_can_be_repeated(deployment: Deployment, engine: FakeDeployment) -> None:
    engine.down[deployment.address] = AWAY
    assert do().failure == AWAY
    assert shown() == (State.CREATION_FAILED, AWAY)
    request(deployment)
    do()
    assert shown() == (State.CREATION_FAILED, AWAY)
    engine.down.clear()
    request(deployment)
    do()
    assert shown() == (State.AVAILABLE, "")


def test_a_later_test_that_fails_makes_the_instance_abnormal_and_keeps_what_was_proved(
    deployment: Deployment, engine: FakeDeployment
) -> None:
    do()
    engine.down[deployment.address] = AWAY
    request(deployment)
    do()
    assert shown() == (State.ABNORMAL, AWAY)
    deployment.refresh_from_db()
    assert deployment.ways == ["snapshot"]
    engine.down.clear()
    request(deployment)
    do()
    assert shown() == (State.AVAILABLE, "")


def test_a_test_of_a_deployment_that_hangs_fails_in_time(
    deployment: Deployment, engine: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, reported = threading.Event(), threading.Event()

    def hang(access: Access) -> None:
        go_on.wait(60)
        reported.set()

    engine.asked = hang
    monkeypatch.setattr(test_connection, "LIMIT_SECONDS", 0.1)
    try:
        assert "did not answer everything within" in do().failure
    finally:
        go_on.set()
    assert reported.wait(60)
    assert shown()[0] == State.CREATION_FAILED


def test_a_cancelled_test_ends_while_the_deployment_is_silent(deployment: Deployment, engine: FakeDeployment) -> None:
    go_on = threading.Event()

    def hang(access: Access) -> None:
        go_on.wait(60)

    engine.asked = hang
    job = Job.objects.get()

    class Cancelled(Work):
        REPORT_EVERY = 0.01

        def wait(self, seconds: float, report: Any) -> None:
            cancel(job, "cancelled by ada", cancelled=lambda job, reason: None)
            super().wait(seconds, report)

    try:
        assert do(work=Cancelled).status == JobStatus.CANCELLED
    finally:
        go_on.set()
    assert shown()[0] == State.CREATION_FAILED


def test_what_was_found_by_the_old_connection_is_not_shown_for_an_edited_one(deployment: Deployment) -> None:
    class Edited(Work):
        def wait(self, seconds: float, report: Any) -> None:
            Deployment.objects.update(user="another")
            super().wait(seconds, report)

    assert do(work=Edited).status == JobStatus.COMPLETED
    deployment.refresh_from_db()
    assert (deployment.tested, deployment.findings, deployment.ways) == (None, [], [])
    assert deployment.certificate_expires is None and Instance.objects.get().engine == ""
    assert shown()[0] == State.CREATING, "the test of the edited connection is queued"


def test_an_agent_that_stopped_says_nothing_about_a_deployment_that_was_reached_before(deployment: Deployment) -> None:
    do()
    request(deployment)
    claimed()
    assert fail_unrenewed() == 1
    assert shown() == (State.AVAILABLE, "")


def test_a_lost_credential_key_asks_for_the_password(deployment: Deployment, settings: Settings) -> None:
    settings.CONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    assert "Enter the password again" in do().failure
    assert "Enter the password again" in shown()[1]


def test_a_test_does_not_end_a_restoration(deployment: Deployment) -> None:
    Instance.objects.update(state=State.RESTORE_FAILED, action=Action.RESTORE)
    do()
    assert shown() == (State.RESTORE_FAILED, "")


def test_a_deployment_that_was_removed_meanwhile_fails_the_test(deployment: Deployment) -> None:
    Instance.objects.all().delete()
    assert do().failure == "The instance no longer exists."
