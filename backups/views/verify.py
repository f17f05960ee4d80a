from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from backups.models import Backup
from backups.services.verify import verify_backup
from console.accounts.access import performs
from console.web.confirm import confirm
from console.web.dialogs import get_or_post
from console.web.request import Request


@performs(verify_backup)
@get_or_post
def backup_verify(request: Request, backup_id: str) -> HttpResponse:
    """Show the Verify Backup dialog; on POST, verify the backup."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    return confirm(
        request,
        verify_backup,
        "backups/_verify.html",
        backup=backup,
        page="backups/dialog.html",
        title=_("Verify Backup"),
        refusal=backup.verify_refusal,
        message=_("Verifying %s.") % backup.name,
        back=reverse("backups:list"),
    )
