"""The actions on instances, one function each, for pages and commands alike."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from console.accounts.roles import Permission
from console.audit.audited import accept_edit, audited
from console.text.changes import Values
from console.text.messages import Message
from console.text.password_rule import check_password
from console.text.refused import Refused
from console.web.submitted_once import once
from instances import hosts, refusals
from instances.choices import Action, InstanceType, JobKind
from instances.jobs.parameters import CreateParameters
from instances.models import Host, Instance, Job
from instances.queue.requests import enqueue
from instances.signals import instance_deleting


@audited("ddsCreateInstance", needs=Permission.MANAGE_INSTANCES, resource="instance")
@once(Instance)
def create_instance(
    *,
    name: str,
    type: InstanceType,
    requested_by: User | None,
    host: Host | None = None,
    password: str = "",
    demo: bool = False,
    more_documents: int = 0,
    request_key: UUID | None = None,
) -> Instance:
    """Save the instance as Creating and queue the job that starts its server and, if `demo`, loads demo documents.

    `more_documents` is the number of further demo documents of about a kilobyte each.

    The administrator gets `password`; without one, nobody can sign in until the password is reset. Without `host`, the
    instance goes to the least loaded host. A repeated `request_key` returns the instance of the first call. Raises
    Refused if the host is offline, ValidationError if the name or the password breaks its rule.
    """
    if password:
        check_password(password)
    instance = Instance(name=name, type=type, host=host or least_loaded_host(), request_key=request_key)
    instance.clean_fields(exclude=["request_key"])
    with transaction.atomic():
        instance.save(force_insert=True)
        enqueue(
            JobKind.CREATE_INSTANCE,
            host=instance.host,
            instance=instance,
            requested_by=requested_by,
            parameters=CreateParameters(demo=demo, more_documents=more_documents, with_password=bool(password)),
            secret=password,
        )
    return instance


@audited("ddsDeleteInstance", needs=Permission.MANAGE_INSTANCES, resource="instance")
def delete_instance(*, instance: Instance, final_backup: bool = False, requested_by: User | None) -> None:
    """Mark the instance and its automated backups for deletion and queue the job that deletes the instance.

    Manual backups are kept. With `final_backup` the job first makes one more, and deletes nothing if it cannot. Raises
    Refused while an operation runs on the instance, or if a final backup is wanted of one that is not Available. An
    unsettled restoration does not count: the deployment may be gone for good.
    """
    with transaction.atomic():
        found = Instance.objects.filter(pk=instance.pk)
        found.select_for_update().first()
        current = current_instance(instance)
        wanted = found if current.is_unsettled else found.idle()
        if not (found.ready_for_backup() if final_backup else wanted).update(action=Action.DELETE):
            if current.delete_refusal or not final_backup:
                raise Refused(current.delete_refusal)
            raise Refused(current.backup_refusal, field="final_backup")
        job = enqueue(JobKind.DELETE_INSTANCE, host=instance.host, instance=instance, requested_by=requested_by)
        instance_deleting.send(Instance, instance=instance, job=job, final_backup=final_backup)


@audited("ddsRenameInstance", needs=Permission.MANAGE_INSTANCES, resource="instance")
def rename_instance(
    *, instance: Instance, name: str, opened_with: Values | None = None, requested_by: User | None
) -> Instance:
    """Rename the instance, even while an operation runs on it. Its backups keep the old name.

    Raises Refused if the instance is being deleted, Changed if it is no longer `opened_with`, ValidationError if the
    name breaks the rule.
    """
    Instance._meta.get_field("name").clean(name, None)
    present = Instance.objects.filter(pk=instance.pk).exclude(action=Action.DELETE)
    row = present.select_for_update().first()
    if row is None:
        raise Refused(current_instance(instance).rename_refusal)
    before, row.name = row.editable, name
    accept_edit(before=before, after=row.editable, opened_with=opened_with)
    present.update(name=name)
    return row


@audited("ddsRestartInstance", needs=Permission.MANAGE_INSTANCES, resource="instance")
def restart_instance(*, instance: Instance, requested_by: User | None) -> Job:
    """Mark the instance as Restarting and queue the job that stops and starts its server.

    Raises Refused while an operation runs on the instance, or if it has no server to restart.
    """
    _require_supported(instance, JobKind.RESTART)
    if not Instance.objects.filter(pk=instance.pk).restartable().update(action=Action.RESTART):
        raise Refused(current_instance(instance).restart_refusal)
    return enqueue(JobKind.RESTART, host=instance.host, instance=instance, requested_by=requested_by)


@audited("ddsResetPassword", needs=Permission.MANAGE_INSTANCES, resource="instance")
def reset_password(*, instance: Instance, password: str, requested_by: User | None) -> None:
    """Queue the job that sets the administrator's password, and creates the administrator if there is none.

    The job waits for a running backup. Raises Refused if the server is not running or is being stopped,
    ValidationError if the password breaks the rule.
    """
    check_password(password)
    _require_supported(instance, JobKind.RESET_PASSWORD)
    if not Instance.objects.filter(pk=instance.pk).with_running_server().exists():
        raise Refused(current_instance(instance).password_refusal)
    enqueue(JobKind.RESET_PASSWORD, host=instance.host, instance=instance, requested_by=requested_by, secret=password)


def _require_supported(instance: Instance, kind: JobKind) -> None:
    if never := refusals.unsupported(instance, kind):
        raise Refused(never)


def current_instance(instance: Instance) -> Instance:
    """Reload the instance, to find the reason for a refusal. Raises Refused if it has been deleted."""
    found = Instance.objects.shown().filter(pk=instance.pk).first()
    if found is None:
        raise Refused(Message("instance.gone"))
    return found


def least_loaded_host() -> Host:
    """Return the host for a new instance: the least loaded one online or, if none is online, this machine's host."""
    name = hosts.least_loaded(hosts.online_loads(timezone.now())) or settings.CONSOLE_HOST
    return Host.objects.get_or_create(name=name)[0]
