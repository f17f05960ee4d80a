"""Restore to Deployment: a logical backup goes to another existing deployment, which has to be empty."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.choices import RestorationStatus, RestorationWay
from backups.models import Backup, Restoration
from backups.services.create import create_backup
from backups.services.restore import restore_to_deployment
from console.text.refused import Refused
from instances import engines
from instances.choices import Action, InstanceType, JobKind, JobStatus, State, Status
from instances.engines.base import Contents
from instances.models import Deployment, Instance, Job
from instances.queue.watcher import Check
from tests.engines import FakeDeployment, contents_of
from tests.factories import make_backup, make_deployment, make_host, make_instance
from tests.jobs import do

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
ADDRESS = "mongodb://other.example.org/"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    made = FakeDeployment()
    monkeypatch.setitem(engines.ENGINES, "deployment", made)
    return made


@pytest.fixture
def backup(engine: FakeDeployment) -> Backup:
    """Return a backup with 10 documents."""
    deployment = make_deployment()
    engine.data[deployment.address] = contents_of(shop__numbers=10)
    made = create_backup(instance=deployment.instance, name="nightly", requested_by=None)
    assert do().status == JobStatus.COMPLETED
    made.refresh_from_db()
    return made


@pytest.fixture
def target(engine: FakeDeployment) -> Deployment:
    engine.data[ADDRESS] = Contents(())
    instance = make_instance(name="spare", engine_kind="deployment", port=None)
    return make_deployment(instance, address=ADDRESS)


def url(backup: Backup) -> str:
    return reverse("backups:restore-to-deployment", args=[backup.id])


def chosen(target: Deployment) -> dict[str, Any]:
    return {"target": target.pk, "request_key": str(uuid.uuid4())}


def test_an_empty_deployment_gets_the_data(
    backup: Backup, target: Deployment, engine: FakeDeployment, user: User
) -> None:
    made = restore_to_deployment(backup=backup, target=target.instance, requested_by=user)
    assert Instance.objects.get(pk=target.pk).status is Status.RESTORING
    job = do()
    assert (job.kind, job.status, job.failure) == (JobKind.RESTORE_DEPLOYMENT, JobStatus.COMPLETED, "")
    made.refresh_from_db()
    assert (made.status, made.way) == (RestorationStatus.COMPLETED, RestorationWay.DEPLOYMENT)
    assert engine.data[ADDRESS].documents == 10
    assert Instance.objects.get(pk=target.pk).status is Status.AVAILABLE
    backup.refresh_from_db()
    assert backup.uses == 0


def test_a_deployment_with_data_stays_as_it_is(backup: Backup, target: Deployment, engine: FakeDeployment) -> None:
    engine.data[ADDRESS] = contents_of(crm__people=3)
    restore_to_deployment(backup=backup, target=target.instance, requested_by=None)
    job = do()
    assert job.status == JobStatus.FAILED and job.failure == "Nothing was changed: It is not empty."
    assert engine.data[ADDRESS].documents == 3
    check = Check(target.pk, tuple)
    check.check()
    assert Instance.objects.get(pk=target.pk).status is Status.AVAILABLE


@pytest.mark.parametrize(
    "fields",
    [
        {"action": Action.BACKUP},
        {"state": State.ABNORMAL},
        {"type": InstanceType.CLUSTER},
        {"engine_kind": "embedded"},
    ],
    ids=str,
)
def test_other_instances_are_refused(backup: Backup, target: Deployment, user: User, fields: dict[str, Any]) -> None:
    Instance.objects.filter(pk=target.pk).update(**fields)
    before = Instance.objects.get(pk=target.pk)
    with pytest.raises(Refused):
        restore_to_deployment(backup=backup, target=before, requested_by=user)
    backup.refresh_from_db()
    assert backup.uses == 0 and not Restoration.objects.exists()
    assert Instance.objects.get(pk=target.pk).action == before.action


def test_a_deployment_of_another_host_is_refused(backup: Backup, target: Deployment) -> None:
    Instance.objects.filter(pk=target.pk).update(host=make_host("elsewhere"))
    with pytest.raises(Refused, match="choose one from the list"):
        restore_to_deployment(backup=backup, target=target.instance, requested_by=None)


def test_a_physical_backup_is_refused(target: Deployment, htmx: Client) -> None:
    backup = make_backup()
    with pytest.raises(Refused, match="files of a database server"):
        restore_to_deployment(backup=backup, target=target.instance, requested_by=None)
    assert "files of a database server" in htmx.get(url(backup)).text
    assert "Restore to Deployment" not in htmx.get(reverse("backups:restore", args=[backup.id])).text


def test_the_dialog_offers_the_other_deployments(backup: Backup, target: Deployment, htmx: Client) -> None:
    make_instance(name="embedded")
    html = htmx.get(reverse("backups:restore", args=[backup.id])).text
    assert url(backup) in html
    html = htmx.get(url(backup)).text
    assert (
        "spare (other.example.org" in html and "embedded" not in html and f'value="{backup.instance_uid}"' not in html
    )
    answer = htmx.post(url(backup), chosen(target))
    assert answer.status_code == 204
    assert json.loads(answer.headers["HX-Trigger"])["toast"]["message"] == "Restoring nightly to spare."
    assert Job.objects.filter(kind=JobKind.RESTORE_DEPLOYMENT).count() == 1


def test_the_same_dialog_twice_restores_once(backup: Backup, target: Deployment, htmx: Client) -> None:
    data = chosen(target)
    for _ in range(2):
        htmx.post(url(backup), data)
    assert Job.objects.filter(kind=JobKind.RESTORE_DEPLOYMENT).count() == 1


def test_nothing_chosen_is_said_beside_the_field(backup: Backup, target: Deployment, htmx: Client) -> None:
    answer = htmx.post(url(backup), {"target": "", "request_key": str(uuid.uuid4())})
    assert answer.status_code == 422 and "Choose an instance." in answer.text


def test_without_another_deployment_the_dialog_says_what_to_do(backup: Backup, htmx: Client) -> None:
    assert "Add an empty one with Add Existing Instance." in htmx.get(url(backup)).text


def test_the_list_of_restorations_names_the_kind_of_target(backup: Backup, target: Deployment, plain: Client) -> None:
    restore_to_deployment(backup=backup, target=target.instance, requested_by=None)
    assert "Existing deployment" in plain.get(reverse("backups:instance", args=[target.pk])).text
