from collections.abc import Iterable, Sequence
from functools import partial

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backups.models import Backup
from backups.services.delete import delete_backup
from backups.views.delete_matching import Matching, Verdict
from console.accounts.access import performs
from console.lists.search import is_id
from console.text.refused import Refused
from console.web.dialogs import get_or_post, posted, render_dialog
from console.web.htmx import answer_done
from console.web.request import Request


@performs(delete_backup)
@get_or_post
def backup_delete(request: Request, backup_id: str) -> HttpResponse:
    """Show the Delete Backup dialog; on POST, delete the backup."""
    return _delete(request, [get_object_or_404(Backup.objects.shown(), pk=backup_id)])


@performs(delete_backup)
@get_or_post
def backup_delete_selected(request: Request) -> HttpResponse:
    """Show the dialog for the backups selected in a list; on POST, delete them.

    They have one `id` parameter each. With `all`, they are those that match the list's filters.
    """
    sent = posted(request) or request.GET
    if "all" in sent:
        return _delete_matching(request, Matching.of(request, sent))
    return _delete(request, Backup.objects.shown().filter(pk__in=filter(is_id, sent.getlist("id"))))


def _delete(request: Request, chosen: Iterable[Backup]) -> HttpResponse:
    """On GET, ask for confirmation. On POST, delete the backups that can be deleted, and say why the others cannot."""
    confirming = request.method != "POST"
    verdicts = [(backup, backup.delete_refusal if confirming else _delete_now(request, backup)) for backup in chosen]
    return _answer(request, verdicts)


def _delete_matching(request: Request, matching: Matching) -> HttpResponse:
    """Do the same for all backups that match. On POST, delete only those that the dialog has shown."""
    if request.method != "POST":
        verdicts = [(backup, backup.delete_refusal) for backup in matching.backups]
        return _answer(request, verdicts, matching=True, reason=matching.reason)
    verdicts = list(matching.verdicts(partial(_delete_now, request)))
    return _answer(request, verdicts, matching=True, reason=matching.reason)


def _answer(request: Request, verdicts: Sequence[Verdict], *, matching: bool = False, reason: str = "") -> HttpResponse:
    confirming = request.method != "POST"
    accepted = [backup for backup, reason in verdicts if not reason]
    refused = [(backup, reason) for backup, reason in verdicts if reason]
    back = reverse("backups:list")
    done = "" if confirming or not accepted else _deleting(len(accepted))
    if done and not refused:
        return answer_done(request, message=done, redirect=back)
    if not verdicts:
        reason = reason or _("Select at least one backup that still exists.")
    if len(verdicts) == 1 and refused:
        reason = refused[0][1]
    response = render_dialog(
        request,
        "backups/_delete.html",
        page="backups/dialog.html",
        title=ngettext("Delete Backup", "Delete Backups", len(verdicts)),
        back=back,
        status=200 if confirming else 422,
        backups=accepted if confirming else [],
        matching=_sent_again(request, verdicts) if matching and confirming else [],
        refused=refused,
        done=done,
        reason=reason,
    )
    if done:
        response["HX-Trigger"] = "refresh"
    return response


def _sent_again(request: Request, verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    """Return the dialog's hidden fields: the filters, and the ids of all backups and of those that can be deleted."""
    shown, accepted = [backup.pk for backup, _why in verdicts], [backup.pk for backup, why in verdicts if not why]
    sent, own = posted(request) or request.GET, {"shown", "accepted", "csrfmiddlewaretoken"}
    filters = [(name, str(sent[name])) for name in sent if name not in own]
    return [*filters, ("shown", " ".join(shown)), ("accepted", " ".join(accepted))]


def _delete_now(request: Request, backup: Backup) -> str:
    """Delete the backup; return the reason if the service refuses, else ""."""
    try:
        delete_backup(backup=backup, requested_by=request.user)
    except Refused as refusal:
        return str(refusal.message)
    return ""


def _deleting(count: int) -> str:
    return ngettext("Deleting %d backup.", "Deleting %d backups.", count) % count
