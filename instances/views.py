from typing import TypeVar

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from console.accounts.access import performs
from console.accounts.forms import NewPasswordForm
from console.lists.form import export
from console.processes.bind import is_loopback
from console.text.refused import Refused
from console.web.htmx import answer_done, current_path, live, render_list, render_page, wants_fragment
from console.web.request import Request
from instances import connecting, services
from instances.choices import InstanceType
from instances.forms import CreateInstanceForm, RenameInstanceForm, ResetPasswordForm
from instances.lists import INSTANCE_COLUMNS, JOB_COLUMNS, InstanceListForm, JobListForm
from instances.models import Instance, Job
from instances.tabs import type_tabs


@require_safe
@live
def instance_list(request: Request) -> HttpResponseBase:
    """Instance Management."""
    filters = InstanceListForm(request)
    if filters.exports:
        return export("instances", INSTANCE_COLUMNS, filters.found(Instance.objects.shown()))
    page = filters.page(Instance.objects.shown())
    context = {
        "instances": page.rows,
        "page": page,
        "filters": filters,
        "tabs": type_tabs(request),
        "any_in_progress": any(instance.in_transition for instance in page.rows),
    }
    return render_list(request, "instances/list.html", "instances/_list.html", context)


@performs(services.create_instance)
@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
def instance_create(request: Request) -> HttpResponse:
    form = _password_form(request, CreateInstanceForm)
    if form.is_valid():
        try:
            instance = services.create_instance(
                name=form.cleaned_data["name"],
                type=InstanceType(form.cleaned_data["type"]),
                host=form.chosen_host,
                password=form.cleaned_data["password"] or "",
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            message, listed = _("Creating the instance %s.") % instance.name, reverse("instances:list")
            return answer_done(request, message=message, redirect=listed, changed="instances-changed")
    context = {
        "form": form,
        "title": _("Create DB Instance"),
        "action": request.path,
        "cancel_url": reverse("instances:list"),
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "instances/create.html", "components/_password_form.html", context, status=status)


_Form = TypeVar("_Form", bound=NewPasswordForm)


def _password_form(request: Request, form: type[_Form]) -> _Form:
    """The form as it was opened, or sent, or sent to have a password generated."""
    if "generate" in request.POST:
        return form.generating(request.POST)
    return form(request.POST if request.method == "POST" else None)


@performs(services.reset_password)
@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
def instance_reset_password(request: Request, instance_id: str) -> HttpResponse:
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    form = _password_form(request, ResetPasswordForm)
    if form.is_valid():
        try:
            services.reset_password(
                instance=instance, password=form.cleaned_data["password"], requested_by=request.user
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            message = _("Resetting the password of %s.") % instance.name
            return answer_done(
                request, message=message, redirect=instance.get_absolute_url(), changed="instances-changed"
            )
    context = {
        "form": form,
        "instance": instance,
        "refusal": instance.password_refusal,
        "title": _("Reset Password"),
        "action": request.path,
        "cancel_url": instance.get_absolute_url(),
    }
    status = 422 if form.is_bound else 200
    return render_page(
        request, "instances/reset_password.html", "instances/_reset_password.html", context, status=status
    )


@require_safe
@live
def instance_detail(request: Request, instance_id: str) -> HttpResponse:
    """Basic Information."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    context = {
        "instance": instance,
        "connection_string": connecting.connection_string(instance),
        "snippets": connecting.snippets(instance),
        "administrator": connecting.ADMINISTRATOR,
        "local_only": is_loopback(instance.host.db_address),
        "any_in_progress": instance.in_transition,
    }
    return render_list(request, "instances/detail.html", "instances/_detail.html", context)


@performs(services.delete_instance)
@require_http_methods(["GET", "HEAD", "POST"])
def instance_delete(request: Request, instance_id: str) -> HttpResponse:
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    reason = ""
    if request.method == "POST":
        try:
            services.delete_instance(instance=instance, requested_by=request.user)
        except Refused as refusal:
            reason = str(refusal.message)
        else:
            message = _("Deleting the instance %s.") % instance.name
            return answer_done(
                request, message=message, redirect=reverse("instances:list"), changed="instances-changed"
            )
    context = {
        "instance": instance,
        "reason": reason or instance.delete_refusal,
        "action": request.path,
        "cancel_url": reverse("instances:list"),
    }
    status = 422 if reason else 200
    return render_page(request, "instances/delete.html", "instances/_delete.html", context, status=status)


@require_safe
@live
def task_list(request: Request) -> HttpResponseBase:
    """Task Center: every job there is or was."""
    filters = JobListForm(request)
    if filters.exports:
        return export("tasks", JOB_COLUMNS, filters.found(Job.objects.shown()))
    page = filters.page(Job.objects.shown())
    context = {
        "tasks": page.rows,
        "page": page,
        "filters": filters,
        "any_in_progress": any(task.state.in_progress for task in page.rows),
    }
    return render_list(request, "instances/tasks.html", "instances/_tasks.html", context)


@performs(services.restart_instance)
@require_http_methods(["GET", "HEAD", "POST"])
def instance_restart(request: Request, instance_id: str) -> HttpResponse:
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    reason = ""
    if request.method == "POST":
        try:
            services.restart_instance(instance=instance, requested_by=request.user)
        except Refused as refusal:
            reason = str(refusal.message)
        else:
            message = _("Restarting the instance %s.") % instance.name
            return answer_done(
                request, message=message, redirect=instance.get_absolute_url(), changed="instances-changed"
            )
    context = {
        "instance": instance,
        "reason": reason or instance.restart_refusal,
        "action": request.path,
        "cancel_url": instance.get_absolute_url(),
    }
    status = 422 if reason else 200
    return render_page(request, "instances/restart.html", "instances/_restart.html", context, status=status)


@performs(services.rename_instance)
@require_http_methods(["GET", "HEAD", "POST"])
def instance_rename(request: Request, instance_id: str) -> HttpResponse:
    """The name's place as a small form; as a page of its own without JavaScript."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    form = RenameInstanceForm(instance, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            renamed = services.rename_instance(
                instance=instance, name=form.cleaned_data["name"], requested_by=request.user
            )
        except Refused as refusal:
            form.refuse(refusal)
        else:
            return _renamed(request, renamed)
    context = {"form": form, "instance": instance, "action": request.path, "title": _("Rename DB Instance")}
    status = 422 if form.is_bound else 200
    return render_page(request, "instances/rename.html", "instances/_rename.html", context, status=status)


def _renamed(request: Request, instance: Instance) -> HttpResponse:
    message = _("The instance is now called %s.") % instance.name
    if wants_fragment(request) and current_path(request) != instance.get_absolute_url():
        return _name(request, instance)
    messages.success(request, message)
    # Of the instance's own pages more than the name's place shows the name.
    return HttpResponseClientRefresh() if wants_fragment(request) else redirect(instance)


@require_safe
def instance_name(request: Request, instance_id: str) -> HttpResponse:
    """The name's place as it is when it is not being edited."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    if not wants_fragment(request):
        return redirect(instance)
    return _name(request, instance)


def _name(request: Request, instance: Instance) -> HttpResponse:
    return render(request, "instances/_name.html", {"instance": instance, "focus": True})
