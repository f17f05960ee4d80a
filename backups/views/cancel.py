from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from backups.models import Backup
from backups.services.cancel import cancel_backup
from console.accounts.access import performs
from console.web.confirm import confirm
from console.web.dialogs import get_or_post
from console.web.request import Request


@performs(cancel_backup)
@get_or_post
def backup_cancel(request: Request, backup_id: str) -> HttpResponse:
    """Show the Cancel Backup dialog; on POST, cancel the backup."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    return confirm(
        request,
        cancel_backup,
        "backups/_cancel.html",
        backup=backup,
        page="backups/dialog.html",
        title=_("Cancel Backup"),
        refusal=backup.cancel_refusal,
        message=_("Cancelling the backup %s.") % backup.name,
        back=reverse("backups:list"),
    )
