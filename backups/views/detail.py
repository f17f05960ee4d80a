from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from backups.models import Backup
from backups.policy import clock
from console.web.htmx import live, render_list
from console.web.request import Request


@require_safe
@live
def backup_detail(request: Request, backup_id: str) -> HttpResponse:
    """Show everything that the console knows about one backup."""
    whole = Backup.objects.select_related("host", "job", "instance__host", "verify_job")
    backup = get_object_or_404(whole, pk=backup_id)
    databases = backup.databases
    context = {
        "backup": backup,
        "kept": backup.pk in Backup.objects.kept_after_expiry([backup], clock.now()),
        "databases": databases,
        "collections": sum(len(database.collections) for database in databases),
        "documents": sum(database.documents for database in databases),
        "any_in_progress": backup.in_transition,
    }
    return render_list(request, "backups/detail.html", "backups/_detail.html", context)
