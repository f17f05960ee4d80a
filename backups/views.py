from collections.abc import Callable, Iterable

from django.db.models import Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from backups.forms import (
    CreateBackupForm,
    CreateBackupOfAnyForm,
    EditDescriptionForm,
    PolicyForm,
    RestoreToNewForm,
    RestoreToOriginalForm,
)
from backups.lists import BACKUP_COLUMNS, BackupListForm
from backups.models import Backup, Policy, Restoration
from backups.services.cancel import cancel_backup
from backups.services.create import create_backup
from backups.services.delete import delete_backup
from backups.services.edit import edit_description
from backups.services.lock import lock_backup, unlock_backup
from backups.services.policy import POLICY_FIELDS, set_policy
from backups.services.restore import restore_to_new_instance, restore_to_original
from backups.services.verify import verify_backup
from console.accounts.access import performs
from console.lists.form import export
from console.lists.keys import is_id
from console.text.refused import Refused
from console.web.forms import DialogForm
from console.web.htmx import answer_done, live, render_list, render_page
from console.web.request import Request
from instances.models import Instance
from instances.tabs import type_tabs

# Backups & Restorations shows the newest; the Task Center has them all.
RESTORATIONS_SHOWN = 50


@require_safe
@live
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
        "any_in_progress": any(backup.in_transition for backup in page.rows),
    }
    return render_list(request, "backups/list.html", "backups/_list.html", context)


def _instance_of(backups: list[Backup]) -> Instance | None:
    """The instance with its host, if it came along with one of its backups, as it mostly does."""
    for backup in backups:
        if backup.instance and backup.instance.host_id == backup.host_id:
            backup.instance.host = backup.host
            return backup.instance
    return None


@require_safe
@live
def instance_backups(request: Request, instance_id: str) -> HttpResponseBase:
    """Backups & Restorations of one instance."""
    filters = BackupListForm(request, within=Q(instance_uid=instance_id))
    if filters.exports:
        instance = get_object_or_404(Instance, pk=instance_id)
        return export(f"backups-{instance.name}", BACKUP_COLUMNS, filters.found(Backup.objects.shown()))
    page = filters.page(Backup.objects.shown())
    instance = _instance_of(page.rows) or get_object_or_404(
        Instance.objects.shown().select_related("backup_policy"), pk=instance_id
    )
    restorations = list(Restoration.objects.shown().of(instance)[:RESTORATIONS_SHOWN])
    context = {
        "instance": instance,
        "policy": Policy.of(instance),
        "backups": page.rows,
        "page": page,
        "filters": filters,
        "restorations": restorations,
        "any_in_progress": instance.in_transition
        or any(backup.in_transition for backup in page.rows)
        or any(restoration.state.in_progress for restoration in restorations),
    }
    return render_list(request, "backups/instance.html", "backups/_list.html", context)


@require_safe
@live
def backup_detail(request: Request, backup_id: str) -> HttpResponse:
    """Everything that is known of one backup."""
    whole = Backup.objects.select_related("host", "job", "instance__host", "verify_job")
    backup = get_object_or_404(whole, pk=backup_id)
    databases = backup.databases
    context = {
        "backup": backup,
        "databases": databases,
        "collections": sum(len(database.collections) for database in databases),
        "documents": sum(database.documents for database in databases),
        "any_in_progress": backup.in_transition,
    }
    return render_list(request, "backups/detail.html", "backups/_detail.html", context)


@performs(create_backup)
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


@performs(create_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_create_for_instance(request: Request, instance_id: str) -> HttpResponse:
    """The Create Backup dialog of an instance's row and of its Backups & Restorations page."""
    instance = get_object_or_404(Instance, pk=instance_id)
    form = CreateBackupForm(request.POST if request.method == "POST" else None)
    back = reverse("backups:instance", args=[instance.id])
    if form.is_valid() and (done := _create(request, form, instance, back=back)):
        return done
    return _dialog(request, form, back=back, instance=instance)


@performs(restore_to_new_instance)
@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_restore(request: Request, backup_id: str) -> HttpResponse:
    """The Restore dialog with Create New Instance, which works also when the backup's instance has gone."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    if "generate" in request.POST:
        form = RestoreToNewForm.generating(request.POST, backup=backup)
    else:
        form = RestoreToNewForm(request.POST if request.method == "POST" else None, backup=backup)
    if form.is_valid():
        try:
            restoration = restore_to_new_instance(
                backup=backup,
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            message = _("Restoring %(backup)s to the new instance %(instance)s.") % {
                "backup": backup.name,
                "instance": restoration.target_name,
            }
            listed = reverse("instances:list")
            return answer_done(request, message=message, redirect=listed, changed="backups-changed", show=listed)
    return _restore_dialog(request, backup, form, "backups/_restore_to_new.html", refusal=backup.restore_refusal)


@performs(restore_to_original)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_restore_to_original(request: Request, backup_id: str) -> HttpResponse:
    """The Restore dialog with Restore to Original."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    form = RestoreToOriginalForm(request.POST if request.method == "POST" else None, backup=backup)
    if form.is_valid():
        try:
            restore_to_original(
                backup=backup,
                safety_backup=form.cleaned_data["safety_backup"],
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            message = _("Restoring %(instance)s to %(backup)s.") % {
                "instance": backup.instance_name,
                "backup": backup.name,
            }
            page = reverse("backups:instance", args=[backup.instance_uid])
            return answer_done(request, message=message, redirect=page, changed="backups-changed", show=page)
    return _restore_dialog(request, backup, form, "backups/_restore_to_original.html", refusal=backup.original_refusal)


@performs(verify_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_verify(request: Request, backup_id: str) -> HttpResponse:
    """Asks whether to verify, since it takes time and room; then verifies."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    reason = ""
    if request.method == "POST":
        try:
            verify_backup(backup=backup, requested_by=request.user)
        except Refused as refusal:
            reason = str(refusal.message)
        else:
            message = _("Verifying %s.") % backup.name
            return answer_done(request, message=message, redirect=reverse("backups:list"), changed="backups-changed")
    context = {
        "backup": backup,
        "reason": reason or backup.verify_refusal,
        "action": request.path,
        "cancel_url": reverse("backups:list"),
    }
    status = 422 if reason else 200
    return render_page(request, "backups/verify.html", "backups/_verify.html", context, status=status)


@performs(create_backup)
@require_safe
def instance_options(request: Request) -> HttpResponse:
    """The DB Instance Name field of the dialog, for the chosen type and what is searched."""
    form = CreateBackupOfAnyForm(initial=request.GET.dict())
    return render(request, "backups/_instance_field.html", {"form": form})


def _create(request: Request, form: CreateBackupForm, instance: Instance, *, back: str) -> HttpResponse | None:
    """Create the backup that the valid form asks for; None, with the reason in the form, if it is refused."""
    data = form.cleaned_data
    try:
        backup = create_backup(
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


def _restore_dialog(request: Request, backup: Backup, form: DialogForm, fragment: str, *, refusal: str) -> HttpResponse:
    """The Restore dialog; opened where it would be refused, it says so."""
    context = {
        "backup": backup,
        "form": form,
        "refusal": refusal,
        "fragment": fragment,
        "title": _("Restore Backup"),
        "action": request.path,
        "cancel_url": reverse("backups:list"),
    }
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render_page(request, "backups/restore.html", fragment, context, status=status)


@performs(delete_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_delete(request: Request, backup_id: str) -> HttpResponse:
    return _delete(request, [_backup(backup_id)])


@performs(delete_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_delete_selected(request: Request) -> HttpResponse:
    """Delete those that are ticked in a list; they come as `id`, as often as there are."""
    sent = request.POST if request.method == "POST" else request.GET
    chosen = Backup.objects.filter(pk__in=filter(is_id, sent.getlist("id")))
    return _delete(request, chosen.shown().select_related("host"))


def _delete(request: Request, chosen: Iterable[Backup]) -> HttpResponse:
    """Ask before the deletion, or delete what can be and say of the rest why not."""
    asked = request.method != "POST"
    verdicts = [(backup, backup.delete_refusal if asked else _delete_now(request, backup)) for backup in chosen]
    accepted = [backup for backup, reason in verdicts if not reason]
    refused = [(backup, reason) for backup, reason in verdicts if reason]
    done = "" if asked or not accepted else _deleting(len(accepted))
    if done and not refused:
        return answer_done(request, message=done, redirect=reverse("backups:list"), changed="backups-changed")
    reason = "" if verdicts else _("Select at least one backup that still exists.")
    if len(verdicts) == 1 and refused:
        reason = refused[0][1]
    context = {"backups": accepted if asked else [], "refused": refused, "done": done, "reason": reason}
    title = ngettext("Delete Backup", "Delete Backups", len(verdicts))
    response = _confirmation(request, "backups/_delete.html", title, context, status=200 if asked else 422)
    if done:
        response["HX-Trigger"] = "backups-changed"
    return response


def _delete_now(request: Request, backup: Backup) -> str:
    """Delete the backup; why not, if it is refused."""
    try:
        delete_backup(backup=backup, requested_by=request.user)
    except Refused as refusal:
        return str(refusal.message)
    return ""


def _deleting(count: int) -> str:
    return ngettext("Deleting %d backup.", "Deleting %d backups.", count) % count


@performs(cancel_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_cancel(request: Request, backup_id: str) -> HttpResponse:
    backup = _backup(backup_id)
    done = _("Cancelling the backup %s.") % backup.name
    return _confirm(
        request, backup, cancel_backup, "_cancel", _("Cancel Backup"), refusal=backup.cancel_refusal, done=done
    )


@performs(lock_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_lock(request: Request, backup_id: str) -> HttpResponse:
    backup = _backup(backup_id)
    done = _("The backup %s is locked.") % backup.name
    return _confirm(request, backup, lock_backup, "_lock", _("Lock Backup"), refusal=backup.lock_refusal, done=done)


@performs(unlock_backup)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_unlock(request: Request, backup_id: str) -> HttpResponse:
    backup = _backup(backup_id)
    done = _("The backup %s is unlocked.") % backup.name
    return _confirm(
        request, backup, unlock_backup, "_lock", _("Unlock Backup"), refusal=backup.unlock_refusal, done=done
    )


@performs(edit_description)
@require_http_methods(["GET", "HEAD", "POST"])
def backup_edit_description(request: Request, backup_id: str) -> HttpResponse:
    backup = _backup(backup_id)
    form = EditDescriptionForm(request.POST if request.method == "POST" else None, backup=backup)
    if form.is_valid():
        try:
            edit_description(backup=backup, description=form.cleaned_data["description"], requested_by=request.user)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            message = _("The description of %s is changed.") % backup.name
            return answer_done(request, message=message, redirect=reverse("backups:list"), changed="backups-changed")
    context = {
        "form": form,
        "backup": backup,
        "title": _("Edit Description"),
        "action": request.path,
        "cancel_url": reverse("backups:list"),
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "backups/create.html", "components/_dialog_form.html", context, status=status)


@performs(set_policy)
@require_http_methods(["GET", "HEAD", "POST"])
def policy_modify(request: Request, instance_id: str) -> HttpResponse:
    """The Modify Backup Policy dialog of Backups & Restorations."""
    instance = get_object_or_404(Instance.objects.shown().select_related("backup_policy"), pk=instance_id)
    form = PolicyForm(request.POST if request.method == "POST" else None, policy=Policy.of(instance))
    back = reverse("backups:instance", args=[instance.id])
    if form.is_valid():
        chosen = {name: form.cleaned_data[name] for name in POLICY_FIELDS}
        try:
            policy = set_policy(instance=instance, requested_by=request.user, **chosen)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            switched = _("Automated backup is on.") if policy.enabled else _("Automated backup is off.")
            return answer_done(request, message=switched, redirect=back, changed="backups-changed")
    context = {
        "form": form,
        "instance": instance,
        "title": _("Modify Backup Policy"),
        "action": request.path,
        "cancel_url": back,
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "backups/create.html", "components/_dialog_form.html", context, status=status)


def _backup(backup_id: str) -> Backup:
    return get_object_or_404(Backup.objects.shown().select_related("host"), pk=backup_id)


def _confirm(
    request: Request,
    backup: Backup,
    service: Callable[..., None],
    fragment: str,
    title: str,
    *,
    refusal: str,
    done: str,
) -> HttpResponse:
    """Ask before one action on one backup, or do it."""
    if request.method == "POST":
        try:
            service(backup=backup, requested_by=request.user)
        except Refused as refused:
            refusal = str(refused.message)
        else:
            return answer_done(request, message=done, redirect=reverse("backups:list"), changed="backups-changed")
    status = 422 if request.method == "POST" else 200
    context = {"backup": backup, "reason": refusal}
    return _confirmation(request, f"backups/{fragment}.html", title, context, status=status)


def _confirmation(
    request: Request, fragment: str, title: str, context: dict[str, object], *, status: int
) -> HttpResponse:
    """A confirmation as the dialog, or as a page of its own."""
    context |= {"fragment": fragment, "title": title, "action": request.path, "cancel_url": reverse("backups:list")}
    return render_page(request, "backups/confirm.html", fragment, context, status=status)
