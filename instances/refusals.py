"""Reasons to refuse an action on an instance now, each as one sentence; "" if the action is possible.

The models expose these as `<action>_refusal` properties. Buttons show the sentence; services raise it.
"""

from typing import TYPE_CHECKING

from django.utils import timezone

from console.text import clocks, times
from console.text.messages import Message
from instances import engines
from instances.choices import STOPS_SERVER, Action, JobKind, State, Status

if TYPE_CHECKING:
    from instances.models import Host, Instance


def host(host: "Host") -> str:
    """Return why the host's agent cannot work now; "" if it can or is expected to start."""
    since = host.offline_since
    if since is None:
        return ""
    code = "host.clock_ahead" if clocks.is_ahead(since, timezone.now()) else "host.offline"
    return Message(code, host=host.name, since=times.moment(times.local(since)))


def unsupported(instance: "Instance", kind: JobKind) -> str:
    """Return why the instance's engine never does this kind of job."""
    return engines.of_kind(instance.engine_kind).capabilities(instance.type).refusals.get(kind, "")


def backup(instance: "Instance") -> str:
    """Return why no backup can be made now."""
    if instance.status is Status.AVAILABLE:
        no_moment = instance.is_deployment and not instance.deployment.can_be_backed_up
        return Message("deployment.no_moment") if no_moment else instance.host.refusal
    # The message avoids the word "Available": its row is where people and tests look for the status.
    return Message("instance.not_available", status=instance.status.label)


def delete(instance: "Instance") -> str:
    """Return why the instance cannot be deleted now."""
    # Nobody else can help if the deployment never comes back.
    return instance.host.refusal if instance.is_unsettled else work(instance)


def work(instance: "Instance") -> str:
    """Return why no work can start on the instance now, whatever its state."""
    if instance.action == Action.NONE and instance.state != State.CREATING:
        return instance.host.refusal
    return Message("instance.busy", status=instance.status.label)


def restart(instance: "Instance") -> str:
    """Return why the server cannot be restarted now."""
    if never := unsupported(instance, JobKind.RESTART):
        return never
    if instance.action != Action.NONE or instance.state == State.CREATING:
        return work(instance)
    if instance.state in {State.AVAILABLE, State.ABNORMAL} and instance.port:
        return instance.host.refusal
    return Message("instance.no_restart", status=instance.status.label)


def password(instance: "Instance") -> str:
    """Return why the administrator's password cannot be reset now."""
    if never := unsupported(instance, JobKind.RESET_PASSWORD):
        return never
    if instance.state == State.CREATING or instance.action in STOPS_SERVER:
        return work(instance)
    if instance.state == State.AVAILABLE:
        return instance.host.refusal
    return Message("instance.no_password_reset", status=instance.status.label)


def rename(instance: "Instance") -> str:
    """Return why the instance cannot be renamed now."""
    return Message("instance.deleting") if instance.action == Action.DELETE else ""


def restore(instance: "Instance") -> str:
    """Return why no backup can be restored over the instance now."""
    # Do not refuse if the server does not start: the restoration may repair it.
    return unsupported(instance, JobKind.RESTORE_ORIGINAL) or work(instance)


def connection(instance: "Instance") -> str:
    """Return why the connection of an existing deployment cannot be edited or tested now."""
    # Where a restoration is unsettled, another address or password may be all that it needs.
    return delete(instance) if instance.is_deployment else Message("deployment.only")
