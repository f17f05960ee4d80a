"""The ports of a host's instances: find free ports, assign one to a new server, and look up an assigned port."""

from collections.abc import Iterator

from django.conf import settings
from django.db import IntegrityError, transaction

from console.text.messages import Message
from instances import engines
from instances.engines.base import Server
from instances.homes import instance_home
from instances.models import Instance
from instances.queue.job import JobFailed
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work

_PORTS = 10_000


def server_of(instance: Instance) -> Server:
    """Return the port and home of the instance's server. Raises JobFailed if the instance has no port."""
    return Server(port_of(instance), instance_home(instance.id))


def port_of(instance: Instance) -> int:
    """Return the instance's port. Raises JobFailed if it has none."""
    if instance.port is None:
        raise JobFailed(Message("instance.no_port"))
    return instance.port


def free_ports(host: str) -> Iterator[int]:
    """Yield, in ascending order, the ports of this host that no instance has and nothing listens on now."""
    taken = set(Instance.objects.filter(host=host).values_list("port", flat=True))
    for port in range(settings.CONSOLE_FIRST_DB_PORT, settings.CONSOLE_FIRST_DB_PORT + _PORTS):
        if port not in taken and engines.embedded().processes.bindable(port):
            yield port


def start_on_free_port(work: Work, instance: Instance) -> int:
    """Assign the instance a permanent port, start its server there and return the port.

    Raises StartFailed, or JobFailed if no port is free.
    """
    while True:
        port = _assign_port(instance)
        try:
            work.servers.start(instance, port, may_move=True)
        except StartFailed:
            if engines.embedded().processes.bindable(port):
                raise
            # Another program took the port between the check and the start. Try the next one.
        else:
            return port


def _assign_port(instance: Instance) -> int:
    for port in free_ports(instance.host_id):
        try:
            with transaction.atomic():
                Instance.objects.filter(pk=instance.pk).update(port=port)
        except IntegrityError:
            # Another job assigned the port between the check and the update.
            continue
        return port
    raise JobFailed(Message("instance.no_free_port", host=instance.host_id))
