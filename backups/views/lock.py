from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from backups.models import Backup
from backups.services.lock import lock_backup, unlock_backup
from console.accounts.access import performs
from console.web.confirm import confirm
from console.web.dialogs import get_or_post
from console.web.request import Request


@performs(lock_backup)
@get_or_post
def backup_lock(request: Request, backup_id: str) -> HttpResponse:
    """Show the Lock Backup dialog; on POST, lock the backup."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    return confirm(
        request,
        lock_backup,
        "backups/_lock.html",
        backup=backup,
        page="backups/dialog.html",
        title=_("Lock Backup"),
        refusal=backup.lock_refusal,
        message=_("The backup %s is locked.") % backup.name,
        back=reverse("backups:list"),
    )


@performs(unlock_backup)
@get_or_post
def backup_unlock(request: Request, backup_id: str) -> HttpResponse:
    """Show the Unlock Backup dialog; on POST, unlock the backup."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    return confirm(
        request,
        unlock_backup,
        "backups/_lock.html",
        backup=backup,
        page="backups/dialog.html",
        title=_("Unlock Backup"),
        refusal=backup.unlock_refusal,
        message=_("The backup %s is unlocked.") % backup.name,
        back=reverse("backups:list"),
    )
