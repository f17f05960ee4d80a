"""Retry a task that failed or was cancelled."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from backups import retrying
from backups.tasks import Task
from console.text.refused import Refused
from instances.models import Job


def retry_task(*, task: Job, requested_by: User | None) -> Job:
    """Request the task's action again, and return the new task, which names the old one.

    The action's service checks the role and writes the audit event, as on the action's own page. Raises Refused,
    ValidationError or NotAllowed.
    """
    refused: Refused | ValidationError | PermissionDenied
    with transaction.atomic():
        # Of two retries at the same instant, the second waits here and then finds the first.
        Job.objects.select_for_update().get(pk=task.pk)
        found = Task.of(Job.objects.of_page().get(pk=task.pk))
        if reason := retrying.lasting_refusal(found):
            raise Refused(reason)
        try:
            made = retrying.way_of(found).again(found, requested_by)
        except (Refused, ValidationError, PermissionDenied) as error:
            # Commit: the service has recorded the refusal.
            refused = error
        else:
            Job.objects.filter(pk=made.pk).update(retry_of=task)
            return made
    raise refused
