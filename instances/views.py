from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from console.exceptions import Refused
from console.htmx import answer_done, render_list, render_page
from console.http import Request
from instances import services
from instances.choices import InstanceType
from instances.forms import CreateInstanceForm, InstanceFilterForm
from instances.models import Instance
from instances.tabs import type_tabs


@require_safe
def instance_list(request: Request) -> HttpResponse:
    """Instance Management."""
    filters = InstanceFilterForm(request.GET)
    instances = list(filters.apply(Instance.objects.all()))
    context = {
        "instances": instances,
        "filters": filters,
        "tabs": type_tabs(request),
        "any_in_progress": any(instance.in_transition for instance in instances),
        "filtered": any(filters.cleaned_data.values()),
    }
    return render_list(request, "instances/list.html", "instances/_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def instance_create(request: Request) -> HttpResponse:
    form = CreateInstanceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        instance = services.create_instance(
            name=form.cleaned_data["name"],
            type=InstanceType(form.cleaned_data["type"]),
            requested_by=request.user,
        )
        message = _("Creating the instance %s.") % instance.name
        return answer_done(request, message=message, redirect=reverse("instances:list"), changed="instances-changed")
    context = {
        "form": form,
        "title": _("Create DB Instance"),
        "action": request.path,
        "cancel_url": reverse("instances:list"),
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "instances/create.html", "components/_dialog_form.html", context, status=status)


@require_safe
def instance_detail(request: Request, instance_id: str) -> HttpResponse:
    """Basic Information."""
    instance = get_object_or_404(Instance, pk=instance_id)
    context = {"instance": instance, "any_in_progress": instance.in_transition}
    return render_list(request, "instances/detail.html", "instances/_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def instance_delete(request: Request, instance_id: str) -> HttpResponse:
    instance = get_object_or_404(Instance, pk=instance_id)
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
