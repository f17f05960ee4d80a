from django.db.models import Q
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from backups.lists import BACKUP_COLUMNS, RESTORATION_COLUMNS, BackupListForm
from backups.models import Backup, Policy, Restoration
from backups.policy import clock
from backups.views.delete_matching import selectable
from console.lists.csv import export
from console.web.htmx import live, render_list
from console.web.request import Request
from instances.models import Instance
from instances.tabs import type_tabs

# Backups & Restorations shows only the newest restorations; the Task Center shows all.
RESTORATIONS_SHOWN = 50


@require_safe
@live
def backup_list(request: Request) -> HttpResponseBase:
    """Show Backup Management: the backups of all instances, deleted instances included."""
    filters = BackupListForm(request)
    if filters.exports:
        return export("backups", BACKUP_COLUMNS, filters.found(Backup.objects.shown()))
    page = filters.page(Backup.objects.shown())
    context = {
        "backups": page.rows,
        "kept": Backup.objects.kept_after_expiry(page.rows, clock.now()),
        "page": page,
        "selectable": selectable(page),
        "filters": filters,
        "columns": filters.columns,
        "tabs": type_tabs(request),
        "any_in_progress": any(backup.in_transition for backup in page.rows),
    }
    return render_list(request, "backups/list.html", "backups/_list.html", context)


@require_safe
@live
def instance_backups(request: Request, instance_id: str) -> HttpResponseBase:
    """Show Backups & Restorations of one instance."""
    filters = BackupListForm(request, within=Q(instance_uid=instance_id))
    if filters.exports:
        instance = get_object_or_404(Instance, pk=instance_id)
        return export(f"backups-{instance.name}", BACKUP_COLUMNS, filters.found(Backup.objects.shown()))
    page = filters.page(Backup.objects.shown())
    # If there is a backup, its query has already loaded the instance.
    instance = next((backup.instance for backup in page.rows if backup.instance), None) or get_object_or_404(
        Instance.objects.shown().select_related("backup_policy"), pk=instance_id
    )
    restorations = list(Restoration.objects.shown().of(instance)[:RESTORATIONS_SHOWN])
    context = {
        "instance": instance,
        "policy": Policy.of(instance),
        "backups": page.rows,
        "kept": Backup.objects.kept_after_expiry(page.rows, clock.now()),
        "page": page,
        "selectable": selectable(page),
        "filters": filters,
        "columns": filters.columns,
        "restorations": restorations,
        "restoration_columns": RESTORATION_COLUMNS,
        "any_in_progress": instance.in_transition
        or any(backup.in_transition for backup in page.rows)
        or any(restoration.shown_status.in_progress for restoration in restorations),
    }
    return render_list(request, "backups/instance.html", "backups/_list.html", context)
