"""Test the storage of archives from a host."""

from django.contrib.auth.models import User

from console.accounts.roles import Permission
from console.audit.audited import audited
from console.text.messages import Message
from console.text.refused import Refused
from instances.choices import JobKind
from instances.models import Host, Job
from instances.queue.requests import enqueue


@audited("consoleTestStorage", needs=Permission.MANAGE_SETTINGS, resource="host")
def probe_storage(*, host: Host, requested_by: User | None) -> Job:
    """Queue the job in which the host's agent writes, reads and deletes a small object.

    Raises Refused if the host is offline or its last test has not ended.
    """
    # The lock makes a second request at the same instant wait and then find the job of the first.
    host = Host.objects.select_for_update().get(pk=host.pk)
    if Job.objects.unended().filter(kind=JobKind.TEST_STORAGE, host=host).exists():
        raise Refused(Message("storage.test_runs"))
    return enqueue(JobKind.TEST_STORAGE, host=host, instance=None, requested_by=requested_by)
