"""How the agent does the jobs on instances; and how their files are settled after a restoration."""

import logging
import shutil
import uuid
from collections.abc import Iterator

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from console.testing import hook_state as hooks
from console.text.sentences import sentence as _
from instances import demo_documents, engines
from instances.choices import Action, InstanceType, JobKind, JobStatus, State
from instances.engines.base import EngineError, FilesInUse, Server
from instances.engines.embedded import process, restore
from instances.homes import instance_home, instance_homes, staging_root
from instances.models import Instance, InstanceQuerySet, Job
from instances.queue.leases import Handler, JobFailed, Work, secret_of
from instances.queue.supervisor import StartFailed

log = logging.getLogger(__name__)

_PORTS = 10_000


def sweep() -> None:
    """Remove what jobs left on this host when their agent died. For the agent's start: no job runs."""
    staging_root().mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in staging_root().iterdir():
        # The folder itself stays: it may be where another disk is mounted.
        shutil.rmtree(left, ignore_errors=True)
    instance_homes().mkdir(mode=0o700, parents=True, exist_ok=True)
    for aside in instance_homes().glob("*.deleted"):
        try:
            _settle_files(aside.stem)
        except OSError:
            # The next start tries again; the other instances' servers are not to wait for it.
            log.exception("The files of the deleted instance %s could not be removed.", aside.stem)
    _sweep_restorations()


def _sweep_restorations() -> None:
    """Settle the restorations whose agent died between the end of the job and its clean-up."""
    unsettled = []
    for home in instance_homes().iterdir():
        for tag in restore.tags(home):
            try:
                _settle_restoration(home.name, uuid.UUID(tag))
            except (OSError, FilesInUse):
                log.exception("The restoration %s of instance %s could not be settled.", tag, home.name)
                Job.objects.filter(pk=tag).update(left_behind=True)
                unsettled.append(home.name)
    give_free(Instance.objects.filter(host=settings.CONSOLE_HOST).exclude(pk__in=unsettled))


def free_ports(host: str) -> Iterator[int]:
    """The ports of this host that no instance has and nothing listens on now, from the first up."""
    taken = set(Instance.objects.filter(host=host).values_list("port", flat=True))
    for port in range(settings.CONSOLE_FIRST_DB_PORT, settings.CONSOLE_FIRST_DB_PORT + _PORTS):
        if port not in taken and process.bindable(port):
            yield port


def _give_port(instance: Instance) -> int:
    """Give the instance the first free port of its host, for its life."""
    for port in free_ports(instance.host_id):
        try:
            with transaction.atomic():
                Instance.objects.filter(pk=instance.pk).update(port=port)
        except IntegrityError:
            # Another job was given it between the look and the update.
            continue
        return port
    raise JobFailed(_("No free port is left on the host %s.") % instance.host_id)


def _create(work: Work) -> None:
    instance = _instance_of(work.job)
    process.prepare(instance_home(instance.id))
    work.report(10)
    try:
        port = start_on_some_port(work, instance)
        work.report(60)
        _give_password(work, port)
        if work.job.parameters.get("demo"):
            demo_documents.load(Server(port, instance_home(instance.id)), InstanceType(instance.type).value)
    except (StartFailed, EngineError) as error:
        raise JobFailed(str(error)) from error


def _give_password(work: Work, port: int) -> None:
    """Give the new instance's administrator the password that came with the job, if one did.

    Raises EngineError, or JobFailed if the password cannot be read here.
    """
    if password := secret_of(work.job):
        engines.embedded().set_password(Server(port, instance_home(work.job.instance_uid)), password)


def start_on_some_port(work: Work, instance: Instance) -> int:
    """Start the server on the first port that it gets, and return the port. Raises StartFailed."""
    while True:
        port = _give_port(instance)
        try:
            work.servers.start(instance, port, may_move=True)
        except StartFailed:
            if process.bindable(port):
                raise
            # Another program was quicker between the look and the start: the next port, then.
        else:
            return port


def _stop_created(work: Work) -> None:
    """A server that came up for an instance that is Creation failed does not run on."""
    work.servers.stop(work.job.instance_uid)


def _created(job: Job, _result: None) -> None:
    Instance.objects.filter(pk=job.instance_id, state=State.CREATING).update(
        state=State.AVAILABLE, password_set=bool(job.secret)
    )


def _creation_failed(job: Job, reason: str) -> None:
    Instance.objects.filter(pk=job.instance_id, state=State.CREATING).update(
        state=State.CREATION_FAILED, failure=reason
    )


def _delete(work: Work) -> None:
    instance = _instance_of(work.job)
    work.report(10)
    work.servers.stop(instance.id)
    process.put_aside(instance_home(instance.id))


def _deleted(job: Job, _result: None) -> None:
    Instance.objects.filter(pk=job.instance_id, action=Action.DELETE).delete()


def _deletion_failed(job: Job, reason: str) -> None:
    """The instance stays: its files are taken back and its server is started again."""
    Instance.objects.filter(pk=job.instance_id, action=Action.DELETE, state=State.AVAILABLE).update(
        state=State.ABNORMAL, failure=reason
    )
    Instance.objects.filter(pk=job.instance_id, action=Action.DELETE).update(action=Action.NONE)


def _clean_up_deletion(job: Job) -> None:
    _settle_files(job.instance_uid)


def _restart(work: Work) -> None:
    instance = _instance_of(work.job)
    if instance.port is None:
        raise JobFailed(_("The instance has no port."))
    work.report(10)
    work.servers.stop(instance.id)
    work.report(50)
    try:
        work.servers.start(instance, instance.port)
    except StartFailed as error:
        raise JobFailed(str(error)) from error


def _restarted(job: Job, _result: None) -> None:
    """The state is the supervisor's word: Available since the server answered, Abnormal if it has died again."""
    Instance.objects.filter(pk=job.instance_id, action=Action.RESTART).update(action=Action.NONE)


def _restart_failed(job: Job, reason: str) -> None:
    """Abnormal until the server answers: the supervisor, whose it is again, goes on trying to start it."""
    Instance.objects.filter(pk=job.instance_id, action=Action.RESTART).update(
        action=Action.NONE, state=State.ABNORMAL, failure=reason
    )


def _reset_password(work: Work) -> None:
    instance = _instance_of(work.job)
    password = secret_of(work.job)
    if instance.port is None:
        raise JobFailed(_("The instance has no port."))
    try:
        engines.embedded().set_password(Server(instance.port, instance_home(instance.id)), password)
    except EngineError as error:
        raise JobFailed(str(error)) from error


def _password_reset(job: Job, _result: None) -> None:
    Instance.objects.filter(pk=job.instance_id).update(password_set=True)


def _password_unknown(_job: Job, _reason: str) -> None:
    """Change nothing: the job may have failed before or after the server took the password."""


def _settle_files(instance_id: str) -> None:
    """Files put aside go for good if the instance's row has gone, else they come back."""
    home = instance_home(instance_id)
    if Instance.objects.filter(pk=instance_id).exists():
        process.take_back(home)
    else:
        process.discard_aside(home)


def settle_restoration(job: Job) -> None:
    """After a restoration to the original: the files are those of its outcome, and the instance is given free.

    Until then the instance stays Restoring, so that nothing is done with files that are about to be exchanged.
    """
    _settle_restoration(job.instance_uid, job.pk)
    give_free(Instance.objects.filter(pk=job.instance_uid))


def _settle_restoration(instance_id: str, job_id: uuid.UUID) -> None:
    restored = Job.objects.filter(pk=job_id, status=JobStatus.COMPLETED).exists()
    restore.settle(instance_home(instance_id), str(job_id), restored=restored)


def give_free(instances: InstanceQuerySet) -> None:
    """End Restoring where no restoration is under way or waiting."""
    restoring = Job.objects.unended().filter(kind=JobKind.RESTORE_ORIGINAL, instance=OuterRef("pk"))
    free = instances.filter(~Exists(restoring), action=Action.RESTORE).exclude(pk__in=hooks.held())
    free.update(action=Action.NONE)


def _instance_of(job: Job) -> Instance:
    if job.instance is None:
        raise JobFailed(_("The instance does not exist any more."))
    return job.instance


HANDLERS = {
    JobKind.CREATE_INSTANCE: Handler(run=_create, completed=_created, failed=_creation_failed, abandon=_stop_created),
    JobKind.RESTART: Handler(run=_restart, completed=_restarted, failed=_restart_failed),
    JobKind.RESET_PASSWORD: Handler(run=_reset_password, completed=_password_reset, failed=_password_unknown),
    JobKind.DELETE_INSTANCE: Handler(
        run=_delete, completed=_deleted, failed=_deletion_failed, clean_up=_clean_up_deletion
    ),
}
