"""Retry: a new task through the action's own service; the old task stays and links to the new one."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups import retrying
from backups.choices import BackupStatus, BackupType
from backups.models import Backup, Restoration
from backups.services.create import create_backup
from backups.services.delete import delete_backup
from backups.services.probe_storage import probe_storage
from backups.services.restore import restore_to_deployment, restore_to_new_instance, restore_to_original
from backups.services.retry import retry_task
from backups.services.verify import verify_backup
from backups.tasks import Task
from console.accounts.roles import NotAllowed, Role
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances.choices import InstanceType, JobKind, JobStatus, State
from instances.models import Instance, Job
from instances.services import create_instance, delete_instance, reset_password, restart_instance
from instances.services_deployments import test_connection as request_test
from tests.factories import (
    NEW_PASSWORD,
    make_backup,
    make_deployment,
    make_host,
    make_instance,
    make_job,
    make_user,
)
from tests.jobs import claimed, complete, fail

pytestmark = pytest.mark.django_db


def url(job: Job) -> str:
    return reverse("backups:task-retry", args=[job.pk])


def failing() -> Job:
    """Let the queued job fail, and return it."""
    job = claimed()
    assert fail(job, "The disk is full.")
    # The agent's cleanup ends Restoring.
    Instance.objects.filter(action="RESTORE").update(action="", state=State.AVAILABLE)
    return Job.objects.get(pk=job.pk)


def orders() -> Instance:
    return make_instance(name="orders")


def to_create() -> None:
    make_host()
    create_instance(name="orders", type=InstanceType.SINGLE_NODE, demo=True, requested_by=None)


TASKS: dict[JobKind, Callable[[], Any]] = {
    JobKind.CREATE_INSTANCE: to_create,
    JobKind.RESTART: lambda: restart_instance(instance=orders(), requested_by=None),
    JobKind.BACKUP: lambda: create_backup(instance=orders(), name="nightly", description="Old", requested_by=None),
    JobKind.DELETE_BACKUP: lambda: delete_backup(backup=make_backup(orders(), name="nightly"), requested_by=None),
    JobKind.RESTORE_NEW: lambda: restore_to_new_instance(
        backup=make_backup(orders(), name="nightly"), name="copied", requested_by=None
    ),
    JobKind.RESTORE_ORIGINAL: lambda: restore_to_original(
        backup=make_backup(orders(), name="nightly"), safety_backup=True, requested_by=None
    ),
    JobKind.RESTORE_DEPLOYMENT: lambda: restore_to_deployment(
        backup=make_backup(make_deployment().instance, name="nightly", method="Logical"),
        target=make_deployment(make_instance(name="orders", engine_kind="deployment", port=None)).instance,
        requested_by=None,
    ),
    JobKind.VERIFY: lambda: verify_backup(backup=make_backup(orders(), name="nightly"), requested_by=None),
    JobKind.TEST_STORAGE: lambda: probe_storage(host=make_host(), requested_by=None),
    JobKind.TEST_CONNECTION: lambda: request_test(
        instance=make_deployment(make_instance(name="orders", engine_kind="deployment", port=None)).instance,
        requested_by=None,
    ),
}
TRACES = {
    JobKind.CREATE_INSTANCE: "ddsCreateInstance",
    JobKind.RESTART: "ddsRestartInstance",
    JobKind.BACKUP: "ddsCreateBackup",
    JobKind.DELETE_BACKUP: "ddsDeleteBackup",
    JobKind.RESTORE_NEW: "ddsRestoreToNewInstance",
    JobKind.RESTORE_ORIGINAL: "ddsRestoreToOldInstance",
    JobKind.RESTORE_DEPLOYMENT: "ddsRestoreToDeployment",
    JobKind.VERIFY: "ddsVerifyBackup",
    JobKind.TEST_STORAGE: "consoleTestStorage",
    JobKind.TEST_CONNECTION: "ddsTestConnection",
}


@pytest.mark.parametrize("kind", TASKS)
def test_a_failed_task_is_done_again_by_the_retrying_user_and_audited(kind: JobKind, plain: Client, user: User) -> None:
    TASKS[kind]()
    old = failing()
    made = retry_task(task=old, requested_by=user)
    assert (made.kind, made.status, made.requested_by) == (kind, JobStatus.QUEUED, user)
    assert made.instance_name == old.instance_name
    made.refresh_from_db()
    assert made.retry_of == old and Job.objects.get(pk=old.pk).status == JobStatus.FAILED
    event = AuditEvent.objects.filter(user=user, trace=TRACES[kind]).get()
    assert event.outcome == Outcome.SUCCEEDED
    assert made.get_absolute_url() in plain.get(old.get_absolute_url()).text
    assert old.get_absolute_url() in plain.get(made.get_absolute_url()).text


@pytest.mark.parametrize("kind", TASKS)
def test_the_dialog_says_what_is_done_again(kind: JobKind, htmx: Client) -> None:
    TASKS[kind]()
    old = failing()
    html = htmx.get(url(old)).text
    assert any(name in html for name in ("“orders”", "“nightly”", "Test the storage again?"))
    assert "<html" not in html and ">Retry<" in html
    assert ("backed up first" in html) == (kind == JobKind.RESTORE_ORIGINAL)
    answer = htmx.post(url(old))
    assert answer.status_code == 204
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert toast["url"] == Job.objects.get(retry_of=old).get_absolute_url()


def test_the_new_task_has_the_same_parameters(user: User) -> None:
    TASKS[JobKind.CREATE_INSTANCE]()
    made = retry_task(task=failing(), requested_by=user)
    assert made.instance and made.parameters["demo"] and made.instance.type == InstanceType.SINGLE_NODE
    Job.objects.all().delete()
    TASKS[JobKind.RESTORE_ORIGINAL]()
    made = retry_task(task=failing(), requested_by=user)
    assert made.parameters["safety_backup"] and Restoration.objects.get(job=made).safety_backup is not None


def test_a_cancelled_automated_backup_is_made_again_with_its_type_and_retention(user: User) -> None:
    expires = timezone.now() + timedelta(days=7)
    create_backup(instance=orders(), name="auto-1", type=BackupType.AUTOMATED, expires=expires, requested_by=None)
    old = claimed()
    Job.objects.update(cancel_reason="cancelled by ann")
    assert fail(old, "")
    assert Backup.objects.get().status == BackupStatus.CANCELLED
    made = Backup.objects.get(job=retry_task(task=old, requested_by=user))
    assert (made.name, made.type) == ("auto-1", BackupType.AUTOMATED)
    assert made.expires is not None and abs(made.expires - expires) < timedelta(minutes=1)


# --- Refusals --------------------------------------------------------------------------------------------------------


def refused(job: Job) -> str:
    """Return why the task cannot be retried; the page and the service say the same."""
    reason = retrying.refusal(Task.of(Job.objects.of_page().get(pk=job.pk)))
    with pytest.raises(Refused) as error:
        retry_task(task=job, requested_by=None)
    assert str(error.value.message) == reason
    return reason


def test_a_task_is_retried_once(user: User) -> None:
    TASKS[JobKind.VERIFY]()
    old = failing()
    retry_task(task=old, requested_by=user)
    assert "retried already" in refused(old) and Job.objects.count() == 2
    assert retry_task(task=failing(), requested_by=user).pk, "the newer one can be retried"


def test_a_completed_or_running_task_has_no_retry(plain: Client) -> None:
    TASKS[JobKind.RESTART]()
    job = claimed()
    assert "This one is: Running." in refused(job) and 'id="retry"' not in plain.get(job.get_absolute_url()).text
    assert complete(job)
    assert "This one is: Completed." in refused(job)


def test_passwords_are_not_kept_so_the_tasks_that_need_one_cannot_be_retried(plain: Client) -> None:
    make_host()
    create_instance(name="orders", type=InstanceType.SINGLE_NODE, password=NEW_PASSWORD, requested_by=None)
    jobs = [failing()]
    restore_to_new_instance(backup=make_backup(), name="copied", password=NEW_PASSWORD, requested_by=None)
    jobs.append(failing())
    reset_password(instance=make_instance(), password=NEW_PASSWORD, requested_by=None)
    jobs.append(failing())
    for job in jobs:
        assert "does not keep" in refused(job)
        assert "does not keep" in plain.get(job.get_absolute_url()).text, "the page says why"


def test_a_task_whose_parts_are_deleted_cannot_be_retried() -> None:
    TASKS[JobKind.BACKUP]()
    made = failing()
    delete_instance(instance=make_instance(), requested_by=None)
    assert "its own confirmation" in refused(failing())
    Instance.objects.all().delete()
    assert "no longer exists" in refused(made)
    Backup.objects.all().delete()
    assert "Create a new backup" in refused(made)
    for kind, reason in {
        JobKind.CREATE_INSTANCE: "Create a new instance",
        JobKind.RESTORE_NEW: "The backup no longer exists.",
        JobKind.RESTART: "The instance no longer exists.",
        JobKind.DELETE_INSTANCE: "The instance no longer exists.",
    }.items():
        assert reason in refused(make_job(kind=kind, status=JobStatus.FAILED))


def test_a_busy_instance_refuses_in_the_dialog_and_the_refusal_is_audited(htmx: Client, user: User) -> None:
    TASKS[JobKind.RESTART]()
    old = failing()
    Instance.objects.update(action="BACKUP")
    assert "An operation is running" in htmx.get(url(old)).text
    answer = htmx.post(url(old))
    assert answer.status_code == 422 and "An operation is running" in answer.text
    event = AuditEvent.objects.get(trace="ddsRestartInstance", outcome=Outcome.REFUSED)
    assert event.user == user and not Job.objects.filter(retry_of=old).exists()


def test_the_role_of_the_retrying_user_counts() -> None:
    TASKS[JobKind.RESTART]()
    old = failing()
    operator = make_user(Role.BACKUP_OPERATOR)
    client = Client()
    client.force_login(operator)
    page = client.get(old.get_absolute_url()).text
    assert url(old) not in page and "Requires the Full access role." in page
    dialog = client.get(url(old)).text
    assert "Requires the Full access role." in dialog and 'type="submit" class="button danger"' not in dialog
    assert client.post(url(old)).status_code == 403
    event = AuditEvent.objects.get(user=operator, trace="ddsRestartInstance")
    assert event.outcome == Outcome.REFUSED
    with pytest.raises(NotAllowed):
        retry_task(task=old, requested_by=operator)


def test_without_javascript_the_user_gets_to_the_new_task(plain: Client) -> None:
    TASKS[JobKind.VERIFY]()
    old = failing()
    assert "<html" in plain.get(url(old)).text
    answer = plain.post(url(old))
    assert answer.headers["Location"] == Job.objects.get(retry_of=old).get_absolute_url()
