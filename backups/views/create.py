from urllib.parse import urlsplit

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from backups.forms.create import CreateBackupForm, CreateBackupOfAnyForm
from backups.services.create import create_backup
from console.accounts.access import performs
from console.web.dialogs import get_or_post, posted, render_dialog, render_form
from console.web.htmx import answer_done, current_path
from console.web.request import Request
from instances.models import Instance


@performs(create_backup)
@get_or_post
def backup_create(request: Request) -> HttpResponse:
    """Show the Create Backup dialog that also asks for the instance; on POST, create the backup."""
    form = CreateBackupOfAnyForm(posted(request), tab=_type_of_tab(request))
    back = reverse("backups:list")
    if "narrow" in request.POST:
        # Without JavaScript, a button narrows the list of instances: show the page again, without validation.
        form = CreateBackupOfAnyForm(initial=request.POST.dict())
    if form.is_valid():
        with form.showing_refusals():
            return _create(request, form, form.cleaned_data["instance"], back)
    if reason := form.nothing_available:
        fragment, title = "backups/_nothing_to_back_up.html", _("Create Backup")
        return render_dialog(request, fragment, page="backups/dialog.html", title=title, back=back, reason=reason)
    return render_form(request, form, page="backups/dialog.html", title=_("Create Backup"), back=back)


def _type_of_tab(request: Request) -> str:
    """Return the type whose tab is open on the page behind the dialog; "" for all types."""
    return QueryDict(urlsplit(current_path(request)).query).get("type", "")


@performs(create_backup)
@get_or_post
def backup_create_for_instance(request: Request, instance_id: str) -> HttpResponse:
    """Show the Create Backup dialog of one instance; on POST, create the backup."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    form = CreateBackupForm(posted(request))
    back = reverse("backups:instance", args=[instance.id])
    if form.is_valid():
        with form.showing_refusals():
            return _create(request, form, instance, back)
    fragment, title = "backups/_create.html", _("Create Backup")
    return render_form(request, form, fragment, page="instances/dialog.html", title=title, back=back, instance=instance)


def _create(request: Request, form: CreateBackupForm, instance: Instance, back: str) -> HttpResponse:
    backup = create_backup(
        instance=instance,
        name=form.cleaned_data["name"],
        description=form.cleaned_data["description"],
        requested_by=request.user,
        request_key=form.cleaned_data["request_key"],
    )
    message = _("Backing up %(instance)s as %(backup)s.") % {"instance": instance.name, "backup": backup.name}
    show = reverse("backups:instance", args=[instance.id])
    return answer_done(request, message=message, redirect=back, show=show)


@performs(create_backup)
@require_safe
def instance_options(request: Request) -> HttpResponse:
    """Render the dialog's DB Instance Name field for the chosen type and search."""
    form = CreateBackupOfAnyForm(initial=request.GET.dict())
    return render(request, "backups/_instance_field.html", {"form": form})
