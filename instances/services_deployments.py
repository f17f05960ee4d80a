"""The actions on existing deployments and their connections, one function each."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from console.accounts.roles import Permission
from console.audit.audited import accept_edit, audited
from console.text.changes import Values
from console.text.refused import Refused
from console.web.submitted_once import once
from instances.access_rule import check_access, guessed_type, with_kept_secrets
from instances.choices import EngineKind, JobKind, State
from instances.engines.base import Access
from instances.models import Deployment, Host, Instance, Job
from instances.queue.requests import enqueue
from instances.services import current_instance, least_loaded_host

# The fields of Access that a row keeps as they are.
_PLAIN = (
    "address",
    "user",
    "auth_source",
    "mechanism",
    "tls",
    "verify",
    "ca",
    "reads_from",
    "any_moment",
    "with_users",
)


@audited("ddsAddInstance", needs=Permission.MANAGE_INSTANCES, resource="instance")
@once(Instance)
def add_existing_instance(
    *,
    name: str,
    access: Access,
    may_probe: bool = False,
    host: Host | None = None,
    requested_by: User | None,
    request_key: UUID | None = None,
) -> Instance:
    """Register an existing deployment as an instance in state Creating, and queue the first test of its connection.

    Passwords and keys are stored sealed. With `may_probe` the tests may write to a scratch collection. Without `host`,
    the agent of the least loaded host reaches the deployment. A repeated `request_key` returns the instance of the
    first call. Raises Refused if the host is offline, ValidationError if the name or the connection breaks a rule.
    """
    check_access(access)
    instance = Instance(
        name=name,
        type=guessed_type(access.address),
        engine_kind=EngineKind.DEPLOYMENT,
        host=host or least_loaded_host(),
        request_key=request_key,
    )
    instance.clean_fields(exclude=["request_key"])
    deployment = Deployment(instance=instance, may_probe=may_probe)
    _write(deployment, access)
    with transaction.atomic():
        instance.save(force_insert=True)
        deployment.save(force_insert=True)
        _enqueue_test(instance, requested_by)
    return instance


@audited("ddsEditConnection", needs=Permission.MANAGE_INSTANCES, resource="instance")
def edit_connection(
    *,
    instance: Instance,
    access: Access,
    may_probe: bool = False,
    forget_certificate: bool = False,
    opened_with: Values | None = None,
    requested_by: User | None,
) -> None:
    """Change how the agent reaches the deployment, and queue a new test.

    Without a password or a client certificate, the deployment keeps the ones it has; `forget_certificate` removes the
    certificate. The password is not kept for other hosts. Backups need a new proof that they are of one moment. Raises
    Refused while an operation runs on the instance, Changed if the connection differs from `opened_with`,
    ValidationError if it breaks a rule.
    """
    with transaction.atomic():
        _take(instance)
        deployment = Deployment.objects.select_for_update().select_related("instance").get(instance=instance)
        before, kept = deployment.editable, with_kept_secrets(deployment, access, forget_certificate)
        check_access(kept)
        deployment.may_probe = may_probe
        _write(deployment, kept)
        after, changed = deployment.editable, _changed_secrets(access, forget_certificate)
        # The audit says that a secret was changed, but not what it was.
        old = {code: ["label.value_old"] for code in changed}
        opened_with = None if opened_with is None else {**opened_with, **old}
        accept_edit(before={**before, **old}, after={**after, **changed}, opened_with=opened_with)
        deployment.ways = []
        deployment.save()
        _enqueue_test(deployment.instance, requested_by)


@audited("ddsTestConnection", needs=Permission.MANAGE_INSTANCES, resource="instance")
def test_connection(*, instance: Instance, requested_by: User | None) -> Job:
    """Queue the job that tests the connection. An instance whose first test failed becomes Creating again.

    Raises Refused while an operation runs on the instance, or if it is no existing deployment.
    """
    with transaction.atomic():
        _take(instance)
        return _enqueue_test(instance, requested_by)


def _take(instance: Instance) -> None:
    """Lock the instance. Raises Refused if its connection cannot be edited or tested now."""
    found = Instance.objects.filter(pk=instance.pk)
    found.select_for_update().first()
    if refusal := current_instance(instance).connection_refusal:
        raise Refused(refusal)
    found.filter(state=State.CREATION_FAILED).update(state=State.CREATING, failure="")


def _enqueue_test(instance: Instance, requested_by: User | None) -> Job:
    return enqueue(JobKind.TEST_CONNECTION, host=instance.host, instance=instance, requested_by=requested_by)


def _write(deployment: Deployment, access: Access) -> None:
    for name in _PLAIN:
        setattr(deployment, name, getattr(access, name))
    deployment.seal_password(access.password)
    deployment.seal_certificate(access.certificate)
    deployment.clean_fields(exclude=["instance"])


def _changed_secrets(access: Access, forget_certificate: bool) -> dict[str, list[str]]:
    changed = {"label.database_password": access.password, "label.certificate": access.certificate}
    values = {code: ["label.value_new"] for code, secret in changed.items() if secret}
    if forget_certificate and not access.certificate:
        values["label.certificate"] = ["label.empty"]
    return values
