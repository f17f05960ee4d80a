"""Say which instances the Create Backup dialog does not offer, and why."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext

from instances.choices import Action, State, Status
from instances.models import Deployment, Instance

# The list names at most this many instances.
NAMED = 3

_REASONS: dict[Status, Promise] = {
    Status.CREATING: _("%(name)s is being created"),
    Status.CREATION_FAILED: _("%(name)s could not be created"),
    Status.BACKING_UP: _("%(name)s is being backed up"),
    Status.CHECKING_RESTORATION: _("%(name)s is being restored to a new instance"),
    Status.RESTORING: _("%(name)s is being restored"),
    Status.RESTORE_FAILED: _("%(name)s could not be restored"),
    Status.RESTARTING: _("%(name)s is being restarted"),
    Status.DELETING: _("%(name)s is being deleted"),
    Status.ABNORMAL: _("%(name)s is abnormal"),
    # It is Available, so its host is the reason, or _NO_MOMENT.
    Status.AVAILABLE: _("%(name)s is on an offline host"),
}
_NO_MOMENT = _("%(name)s has no proved way of reading at one moment")


def unavailable(offline: Iterable[str], instance_type: str = "") -> str:
    """List the instances of the type, or of all types, that cannot be backed up now, and why; "" if there are none.

    `offline` has the names of the hosts that are offline.
    """
    others = [state for state in State if state is not State.AVAILABLE]
    # In this form, each part of the condition can use an index.
    unready = Q(pk__in=Deployment.objects.filter(ways=[], any_moment=False).values("pk"))
    found = Instance.objects.filter(
        Q(action__gt=Action.NONE) | Q(action=Action.NONE, state__in=others) | Q(host__in=offline) | unready
    )
    if instance_type:
        found = found.filter(type=instance_type)
    named = list(found.order_by("name", "id")[:NAMED])
    if not named:
        return ""
    listed = pgettext("between items of a list", ", ").join(
        str(_reason(instance, offline)) % {"name": instance.name} for instance in named
    )
    more = found.count() - len(named) if len(named) == NAMED else 0
    if more <= 0:
        return listed
    text = ngettext("%(instances)s, and %(more)d more", "%(instances)s, and %(more)d more", more)
    return text % {"instances": listed, "more": more}


def _reason(instance: Instance, offline: Iterable[str]) -> Promise:
    if instance.status is Status.AVAILABLE and instance.host_id not in offline:
        return _NO_MOMENT
    return _REASONS[instance.status]
