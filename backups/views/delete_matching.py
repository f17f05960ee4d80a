"""Delete all backups that match the filters of a list, on the page or not. delete.py has the view."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from backups.lists import BackupListForm
from backups.models import Backup
from console.lists.pages import Page
from console.lists.search import is_id
from console.web.request import Request

# The most backups that one dialog deletes.
MOST = 1000
_BATCH = 100

Verdict = tuple[Backup, str]


def selectable(page: Page[Backup]) -> int:
    """Return how many backups match if the page does not show all of them; 0 if it does, or if they are too many."""
    total = page.total
    return total.rows if len(page.rows) < total.rows <= MOST and not total.more else 0


@dataclass(frozen=True)
class Matching:
    """The backups that match the filters, and those that the dialog showed, which the user confirmed.

    `shown` and `accepted` are ids: of all backups in the dialog, and of those that it offered to delete.
    """

    backups: Sequence[Backup]
    shown: frozenset[str]
    accepted: frozenset[str]
    # Why nothing can be deleted; "" if something can.
    reason: str = ""

    @staticmethod
    def of(request: Request, sent: QueryDict) -> "Matching":
        """Find the backups. `sent` has the list's filters; `within` is the instance of a list of one instance."""
        within = sent.get("within", "")
        filters = BackupListForm(request, within=Q(instance_uid=within) if is_id(within) else None, data=sent)
        if not filters.is_valid():
            return Matching([], frozenset(), frozenset(), _("The filters of the list are not valid."))
        found = list(filters.found(Backup.objects.shown()).ordered()[: MOST + 1])
        if len(found) > MOST:
            reason = _("More than %d backups match. Narrow the list with its filters.") % MOST
            return Matching([], frozenset(), frozenset(), reason)
        shown, accepted = (frozenset(sent.get(name, "").split()) for name in ("shown", "accepted"))
        return Matching(found, shown, accepted)

    def verdicts(self, delete: Callable[[Backup], str]) -> Iterator[Verdict]:
        """Delete what the user confirmed and what still matches; yield each backup and the reason if it stays."""
        confirmed = [backup for backup in self.backups if backup.pk in self.accepted]
        for start in range(0, len(confirmed), _BATCH):
            with transaction.atomic():
                yield from [(backup, delete(backup)) for backup in confirmed[start : start + _BATCH]]
        for backup in self.backups:
            if backup.pk not in self.shown:
                yield backup, _("It matches only since the dialog was opened.")
        gone = self.accepted - {backup.pk for backup in self.backups}
        for backup in Backup.objects.shown().filter(pk__in=gone):
            yield backup, _("It no longer matches the filters.")
