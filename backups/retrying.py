"""How each kind of task is retried: by the service of the page's own action, with the same parameters."""

from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backups.choices import BackupType
from backups.jobs.parameters import RestoreToNewParameters, RestoreToOriginalParameters
from backups.models import Backup
from backups.services.create import create_backup
from backups.services.delete import delete_backup
from backups.services.probe_storage import probe_storage
from backups.services.restore import restore_to_deployment, restore_to_new_instance, restore_to_original
from backups.services.verify import verify_backup
from backups.tasks import Task
from console.audit.audited import AuditedAction
from console.text.messages import Message
from instances.choices import InstanceType, JobKind, State
from instances.jobs.parameters import CreateParameters
from instances.models import Instance, Job
from instances.services import create_instance, delete_instance, reset_password, restart_instance
from instances.services_deployments import test_connection


class Way:
    """How one kind of task is retried. `question` is what the dialog asks."""

    service: ClassVar[AuditedAction[..., Any]]
    question: ClassVar[str | Promise] = ""
    danger: ClassVar[bool] = False

    def missing(self, task: Task) -> str:
        """Return why the task can never be retried, because a part of it is not known any more; "" if it can."""
        return ""

    def refusal(self, task: Task) -> str:
        """Return why the action is refused now. Called only if nothing is missing."""
        return ""

    def again(self, task: Task, user: User | None) -> Job:
        """Request the action again and return the new job. Raises Refused, ValidationError or NotAllowed."""
        raise NotImplementedError


class _OnBackup(Way):
    def missing(self, task: Task) -> str:
        return "" if task.backup else Message("backup.gone")


class CreateInstance(Way):
    service = create_instance
    question = _("Create an instance named “%(instance)s” again? The failed one stays until you delete it.")

    def missing(self, task: Task) -> str:
        if CreateParameters.from_json(task.job.parameters).with_password:
            return Message("task.password_not_kept")
        failed = task.job.instance and task.job.instance.state == State.CREATION_FAILED
        return "" if failed else Message("task.instance_gone")

    def refusal(self, task: Task) -> str:
        return task.job.host.refusal

    def again(self, task: Task, user: User | None) -> Job:
        instance, given = task.job.instance, CreateParameters.from_json(task.job.parameters)
        assert instance is not None
        made = create_instance(
            name=instance.name,
            type=InstanceType(instance.type),
            host=instance.host,
            demo=given.demo,
            more_documents=given.more_documents,
            requested_by=user,
        )
        return _newest_job(made, JobKind.CREATE_INSTANCE)


class Restart(Way):
    service = restart_instance
    question = _("Restart “%(instance)s” again? Its clients are disconnected and it does not answer for a few seconds.")
    danger = True

    def missing(self, task: Task) -> str:
        return "" if task.job.instance else Message("instance.gone")

    def refusal(self, task: Task) -> str:
        assert task.job.instance is not None
        return task.job.instance.restart_refusal

    def again(self, task: Task, user: User | None) -> Job:
        assert task.job.instance is not None
        return restart_instance(instance=task.job.instance, requested_by=user)


class ResetPassword(Way):
    service = reset_password

    def missing(self, task: Task) -> str:
        return Message("task.password_not_kept")


class DeleteInstance(Way):
    service = delete_instance

    def missing(self, task: Task) -> str:
        return Message("task.deletion") if task.job.instance else Message("instance.gone")


class MakeBackup(Way):
    service = create_backup
    question = _("Back up “%(instance)s” again? The new backup gets the name, description and type of this one.")

    def missing(self, task: Task) -> str:
        if not task.backup:
            return Message("task.backup_gone")
        return "" if task.job.instance else Message("instance.gone")

    def refusal(self, task: Task) -> str:
        assert task.job.instance is not None
        return task.job.instance.backup_refusal

    def again(self, task: Task, user: User | None) -> Job:
        backup, instance = task.backup, task.job.instance
        assert backup is not None and instance is not None
        made = create_backup(
            instance=instance,
            name=backup.name,
            description=backup.description,
            type=BackupType(backup.type),
            # The new backup is kept for as long as the old one would have been.
            expires=timezone.now() + (backup.expires - backup.started) if backup.expires else None,
            requested_by=user,
        )
        assert made.job is not None
        return made.job


class DeleteBackup(_OnBackup):
    service = delete_backup
    question = _("Delete the backup “%(backup)s”? Its archive cannot be restored afterwards.")
    danger = True

    def refusal(self, task: Task) -> str:
        assert task.backup is not None
        return task.backup.delete_refusal

    def again(self, task: Task, user: User | None) -> Job:
        assert task.backup is not None
        delete_backup(backup=task.backup, requested_by=user)
        deletion = Backup.objects.select_related("job").get(pk=task.backup.pk).job
        assert deletion is not None
        return deletion


class RestoreToNew(_OnBackup):
    service = restore_to_new_instance
    question = _("Restore “%(backup)s” again, to another new instance named “%(instance)s”?")

    def missing(self, task: Task) -> str:
        instance, given = task.job.instance, RestoreToNewParameters.from_json(task.job.parameters)
        if given.with_password or (instance and instance.password_set):
            return Message("task.password_not_kept")
        return super().missing(task)

    def refusal(self, task: Task) -> str:
        assert task.backup is not None
        return task.backup.restore_refusal

    def again(self, task: Task, user: User | None) -> Job:
        assert task.backup is not None
        made = restore_to_new_instance(backup=task.backup, name=task.job.instance_name, requested_by=user)
        assert made.job is not None
        return made.job


class RestoreToOriginal(_OnBackup):
    service = restore_to_original
    question = _("Restore “%(instance)s” to the backup “%(backup)s” again? Its later changes will be lost.")
    danger = True

    def refusal(self, task: Task) -> str:
        assert task.backup is not None
        return task.backup.original_refusal

    def again(self, task: Task, user: User | None) -> Job:
        assert task.backup is not None
        made = restore_to_original(backup=task.backup, safety_backup=backs_up_first(task), requested_by=user)
        assert made.job is not None
        return made.job


class RestoreToDeployment(_OnBackup):
    service = restore_to_deployment
    question = _("Restore the backup “%(backup)s” to “%(instance)s” again? The deployment must still be empty.")

    def missing(self, task: Task) -> str:
        return super().missing(task) if task.job.instance else Message("instance.gone")

    def refusal(self, task: Task) -> str:
        assert task.backup is not None
        return task.backup.restore_refusal

    def again(self, task: Task, user: User | None) -> Job:
        assert task.backup is not None and task.job.instance is not None
        made = restore_to_deployment(backup=task.backup, target=task.job.instance, requested_by=user)
        assert made.job is not None
        return made.job


class Verify(_OnBackup):
    service = verify_backup
    question = _("Verify “%(backup)s” again? No instance is affected. This takes time and disk space on the host.")

    def refusal(self, task: Task) -> str:
        assert task.backup is not None
        return task.backup.verify_refusal

    def again(self, task: Task, user: User | None) -> Job:
        assert task.backup is not None
        return verify_backup(backup=task.backup, requested_by=user)


class StorageTest(Way):
    service = probe_storage
    question = _("Test the storage again? Backups stay as they are.")

    def refusal(self, task: Task) -> str:
        return task.job.host.refusal

    def again(self, task: Task, user: User | None) -> Job:
        return probe_storage(host=task.job.host, requested_by=user)


class TestConnection(Way):
    service = test_connection
    question = _("Test the connection to “%(instance)s” again?")

    def missing(self, task: Task) -> str:
        return "" if task.job.instance else Message("instance.gone")

    def refusal(self, task: Task) -> str:
        assert task.job.instance is not None
        return task.job.instance.connection_refusal

    def again(self, task: Task, user: User | None) -> Job:
        assert task.job.instance is not None
        return test_connection(instance=task.job.instance, requested_by=user)


WAYS: dict[JobKind, Way] = {
    JobKind.CREATE_INSTANCE: CreateInstance(),
    JobKind.DELETE_INSTANCE: DeleteInstance(),
    JobKind.RESTART: Restart(),
    JobKind.RESET_PASSWORD: ResetPassword(),
    JobKind.BACKUP: MakeBackup(),
    JobKind.DELETE_BACKUP: DeleteBackup(),
    JobKind.RESTORE_NEW: RestoreToNew(),
    JobKind.RESTORE_ORIGINAL: RestoreToOriginal(),
    JobKind.RESTORE_DEPLOYMENT: RestoreToDeployment(),
    JobKind.VERIFY: Verify(),
    JobKind.TEST_STORAGE: StorageTest(),
    JobKind.TEST_CONNECTION: TestConnection(),
}


def way_of(task: Task) -> Way:
    return WAYS[JobKind(task.job.kind)]


def lasting_refusal(task: Task) -> str:
    """Return why the task cannot be retried, as far as its service does not check it."""
    if not task.failed:
        return Message("task.no_retry", status=task.job.shown_status.label)
    return Message("task.retried") if task.retry else way_of(task).missing(task)


def refusal(task: Task) -> str:
    """Return why the task cannot be retried now; "" if it can."""
    return lasting_refusal(task) or way_of(task).refusal(task)


def question(task: Task) -> str:
    """Return what the dialog asks, with the names of the backup and the instance."""
    instance = task.job.instance.name if task.job.instance else task.job.instance_name
    names = {"instance": instance, "backup": task.job.parameters.get("backup_name", "")}
    return str(way_of(task).question) % names


def backs_up_first(task: Task) -> bool:
    """Return whether a restoration to the original instance first makes a backup of the current data."""
    given = RestoreToOriginalParameters.from_json(task.job.parameters)
    return given.safety_backup or bool(task.restoration and task.restoration.safety_backup_id)


def _newest_job(instance: Instance, kind: JobKind) -> Job:
    return Job.objects.filter(instance=instance, kind=kind).latest("created")
