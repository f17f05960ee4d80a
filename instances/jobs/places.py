"""Where a job finds the server of an instance: on this host, or by the connection string of a deployment."""

from console.processes import secrets
from console.text.messages import Message
from instances.engines.base import Access, Server
from instances.jobs.ports import server_of
from instances.models import Deployment, Instance
from instances.queue.job import JobFailed


def place_of(instance: Instance) -> Server | Access:
    """Return the place of the instance's server. Raises JobFailed if the instance has none, or an unreadable one."""
    return access_of(instance) if instance.is_deployment else server_of(instance)


def access_of(instance: Instance) -> Access:
    """Return how to reach the deployment as its row says now. Raises JobFailed if its password cannot be decrypted."""
    try:
        return Deployment.objects.get(pk=instance.pk).access()
    except secrets.CannotUnseal as error:
        raise JobFailed(Message("deployment.password_unreadable")) from error
