from typing import NamedTuple

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from backups.forms.restore import RestoreToDeploymentForm, RestoreToNewForm, RestoreToOriginalForm
from backups.models import Backup
from backups.services.restore import restore_to_deployment, restore_to_new_instance, restore_to_original
from console.accounts import roles
from console.accounts.access import performs
from console.accounts.roles import Permission
from console.text.messages import Message
from console.web.dialogs import get_or_post, posted, render_form
from console.web.forms import DialogForm
from console.web.htmx import answer_done
from console.web.request import Request


@performs(restore_to_new_instance)
@get_or_post
def backup_restore(request: Request, backup_id: str) -> HttpResponse:
    """Show the Restore dialog with Create New Instance; on POST, restore, even if the original has been deleted."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    form = RestoreToNewForm.of(request, backup=backup)
    if form.is_valid():
        with form.showing_refusals():
            restoration = restore_to_new_instance(
                backup=backup,
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
            names = {"backup": backup.name, "instance": restoration.target_name}
            message = _("Restoring %(backup)s to the new instance %(instance)s.") % names
            return _restoring(request, message, reverse("instances:list"))
    return _render(request, backup, form, "backups/_restore_to_new.html", backup.restore_refusal)


@performs(restore_to_original)
@get_or_post
def backup_restore_to_original(request: Request, backup_id: str) -> HttpResponse:
    """Show the Restore dialog with Restore to Original; on POST, restore."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    form = RestoreToOriginalForm(posted(request), backup=backup)
    if form.is_valid():
        with form.showing_refusals():
            restore_to_original(
                backup=backup,
                safety_backup=form.cleaned_data["safety_backup"],
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
            names = {"instance": backup.instance_name, "backup": backup.name}
            message = _("Restoring %(instance)s to %(backup)s.") % names
            return _restoring(request, message, reverse("backups:instance", args=[backup.instance_uid]))
    return _render(request, backup, form, "backups/_restore_to_original.html", backup.original_refusal)


@performs(restore_to_deployment)
@get_or_post
def backup_restore_to_deployment(request: Request, backup_id: str) -> HttpResponse:
    """Show the Restore dialog with Restore to Deployment; on POST, restore."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    form = RestoreToDeploymentForm(posted(request), backup=backup)
    if form.is_valid():
        with form.showing_refusals():
            target = form.cleaned_data["target"]
            restore_to_deployment(
                backup=backup,
                target=target,
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
            message = _("Restoring %(backup)s to %(instance)s.") % {"backup": backup.name, "instance": target.name}
            return _restoring(request, message, reverse("backups:instance", args=[target.id]))
    refusal = backup.deployment_refusal
    if not refusal and not form.offers_any:
        refusal = Message("restore.no_deployment")
    return _render(request, backup, form, "backups/_restore_to_deployment.html", refusal)


def _restoring(request: Request, message: str, page: str) -> HttpResponse:
    return answer_done(request, message=message, redirect=page, show=page)


def _render(request: Request, backup: Backup, form: DialogForm, fragment: str, refusal: str) -> HttpResponse:
    """Render the dialog with its form, or with the refusal if restoring is not possible now."""
    return render_form(
        request,
        form,
        fragment,
        page="backups/dialog.html",
        title=_("Restore Backup"),
        back=reverse("backups:list"),
        backup=backup,
        ways=_ways(request, backup),
        refusal=refusal,
    )


class Way(NamedTuple):
    """A way to restore, with the URL of its form; `refusal` says why this viewer cannot even open the form."""

    label: str
    url: str
    is_current: bool
    refusal: str = ""


def _ways(request: Request, backup: Backup) -> list[Way]:
    new = reverse("backups:restore", args=[backup.id])
    original = reverse("backups:restore-to-original", args=[backup.id])
    deleted = "" if backup.instance_id else backup.original_refusal
    refusal = roles.refusal(request.user, Permission.MANAGE_INSTANCES) or deleted
    ways = [
        Way(_("Create New Instance"), new, request.path == new),
        Way(_("Restore to Original"), original, request.path == original, refusal),
    ]
    if backup.is_logical:
        deployment = reverse("backups:restore-to-deployment", args=[backup.id])
        needs = roles.refusal(request.user, Permission.MANAGE_INSTANCES)
        ways.append(Way(_("Restore to Deployment"), deployment, request.path == deployment, needs))
    return ways
