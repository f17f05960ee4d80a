from django.db.models import Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from backups import services
from backups.forms import CreateBackupForm, CreateBackupOfAnyForm
from backups.lists import BACKUP_COLUMNS, BackupListForm
from backups.models import Backup
from console.access import performs
from console.exceptions import Refused
from console.htmx import answer_done, render_list, render_page
from console.http import Request
from console.lists import export
from instances.models import Instance
from instances.tabs import type_tabs


@require_safe
def backup_list(request: Request) -> HttpResponseBase:
    """Backup Management: the backups of all instances, also of those that have been deleted."""
    filters = BackupListForm(request)
    if filters.exports:
        return export("backups", BACKUP_COLUMNS, filters.found(Backup.objects.shown()))
    page = filters.page(Backup.objects.shown())
    context = {
        "backups": page.rows,
        "page": page,
        "filters": filters,
        "tabs": type_tabs(request),
        "any_in_progress": any(backup.state.in_progress for backup in page.rows),
    }
    return render_list(request, "backups/list.html", "backups/_list.html", context)


@require_safe
def instance_backups(request: Request, instance_id: str) -> HttpResponseBase:
    """Backups & Restorations of one instance."""
    instance = get_object_or_404(Instance, pk=instance_id)
    filters = BackupListForm(request, within=Q(instance_uid=instance.id))
    if filters.exports:
        return export(f"backups-{instance.name}", BACKUP_COLUMNS, filters.found(Backup.objects.shown()))
    page = filters.page(Backup.objects.shown())
    context = {
        "instance": instance,
        "backups": page.rows,
        "page": page,
        "filters": filters,
        "any_in_progress": instance.in_transition or any(backup.state.in_progress for backup in page.rows),
    }
    return render_list(request, "backups/instance.html", "backups/_list.html", context)


@require_safe
def backup_detail(request: Request, backup_id: str) -> HttpResponse:
    """Everything that is known of one backup."""
    backup = get_object_or_404(Backup.objects.select_related("job", "instance"), pk=backup_id)
    databases = backup.databases
    context = {
        "backup": backup,
        "databases": databases,
        "collections": sum(len(database.collections) for database in databases),
        "documents": sum(database.documents for database in databases),
        "bytes": sum(database.bytes for database in databases),
        "any_in_progress": backup.state.in_progress,
    }
    return render_list(request, "backups/detail.html", "backups/_detail.html", context)


@performs(services.create_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_create(request: Request) -> HttpResponse:
    """The Create Backup dialog of Backup Management, which asks for the instance first."""
    form = CreateBackupOfAnyForm(request.POST if request.method == "POST" else None)
    back = reverse("backups:list")
    if form.is_bound and "narrow" in request.POST:
        # Without JavaScript the names are narrowed by a button: the same page again, nothing judged yet.
        form = CreateBackupOfAnyForm(initial=request.POST.dict())
    if form.is_valid() and (done := _create(request, form, form.cleaned_data["instance"], back=back)):
        return done
    return _dialog(request, form, back=back)


@performs(services.create_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_create_for_instance(request: Request, instance_id: str) -> HttpResponse:
    """The Create Backup dialog of an instance's row and of its Backups & Restorations page."""
    instance = get_object_or_404(Instance, pk=instance_id)
    form = CreateBackupForm(request.POST if request.method == "POST" else None)
    back = reverse("backups:instance", args=[instance.id])
    if form.is_valid() and (done := _create(request, form, instance, back=back)):
        return done
    return _dialog(request, form, back=back, instance=instance)


@performs(services.create_backup)
@require_safe
def instance_options(request: Request) -> HttpResponse:
    """The DB Instance Name field of the dialog, for the chosen type and what is searched."""
    form = CreateBackupOfAnyForm(initial=request.GET.dict())
    return render(request, "backups/_instance_field.html", {"form": form})


def _create(request: Request, form: CreateBackupForm, instance: Instance, *, back: str) -> HttpResponse | None:
    """Create the backup that the valid form asks for; None, with the reason in the form, if it is refused."""
    data = form.cleaned_data
    try:
        backup = services.create_backup(
            instance=instance,
            name=data["name"],
            description=data["description"],
            requested_by=request.user,
            request_key=data["request_key"],
        )
    except Refused as refusal:
        form.refuse(refusal)
        return None
    message = _("Backing up %(instance)s as %(backup)s.") % {"instance": instance.name, "backup": backup.name}
    show = reverse("backups:instance", args=[instance.id])
    return answer_done(request, message=message, redirect=back, changed="backups-changed", show=show)


def _dialog(request: Request, form: CreateBackupForm, *, back: str, instance: Instance | None = None) -> HttpResponse:
    context = {
        "form": form,
        "instance": instance,
        "title": _("Create Backup"),
        "action": request.path,
        "cancel_url": back,
    }
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render_page(request, "backups/create.html", "components/_dialog_form.html", context, status=status)
