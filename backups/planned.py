"""The next automated backups of instances, for their list."""

from collections.abc import Sequence
from typing import Any

from backups.models import Policy
from backups.policy import clock
from instances.choices import Action, State
from instances.models import Instance
from instances.plans import PlannedBackup


def next_backups(sender: object, *, instances: Sequence[Instance], **kwargs: Any) -> dict[str, PlannedBackup]:
    """Return the next automated backup by instance id, in one query; a receiver of backups_planned.

    An instance whose creation failed or that is being deleted has none.
    """
    now = clock.now()
    stored = {policy.pk: policy for policy in Policy.objects.filter(instance__in=[each.pk for each in instances])}
    plans = {}
    for instance in instances:
        if instance.state == State.CREATION_FAILED or instance.action == Action.DELETE:
            continue
        policy = stored.get(instance.pk) or Policy.default(instance)
        at = policy.next_run if policy.enabled else None
        plans[instance.pk] = PlannedBackup(at, is_due=at is not None and at <= now)
    return plans
