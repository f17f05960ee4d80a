from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from console.accounts.access import performs
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import current_path, wants_fragment
from console.web.request import Request
from instances.forms import RenameInstanceForm
from instances.models import Instance
from instances.services import rename_instance


@performs(rename_instance)
@get_or_post
def instance_rename(request: Request, instance_id: str) -> HttpResponse:
    """Show and process a small form in place of the name or, without JavaScript, a separate page."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    form = RenameInstanceForm(instance, posted(request))
    if form.is_valid():
        with form.showing_refusals():
            renamed = rename_instance(instance=instance, requested_by=request.user, **form.cleaned_data)
            return _renamed(request, renamed)
    return render_form(
        request,
        form,
        "instances/_rename.html" if wants_fragment(request) else "components/_dialog_form.html",
        page="instances/dialog.html",
        title=_("Rename DB Instance"),
        back=instance.get_absolute_url(),
        instance=instance,
    )


def _renamed(request: Request, instance: Instance) -> HttpResponse:
    pages = {instance.get_absolute_url(), reverse("instances:detail", args=[instance.id])}
    if wants_fragment(request) and current_path(request) not in pages:
        answer = _name(request, instance)
        # The list shows the name in more places than this one, and may be sorted by it.
        answer["HX-Trigger"] = "refresh"
        return answer
    messages.success(request, _("The instance is now called %s.") % instance.name)
    # Reload the instance's own pages, where the name is also in the title and the breadcrumb.
    return HttpResponseClientRefresh() if wants_fragment(request) else redirect(instance)


@require_safe
def instance_name(request: Request, instance_id: str) -> HttpResponse:
    """Show the name again after Cancel."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    if not wants_fragment(request):
        return redirect(instance)
    return _name(request, instance)


def _name(request: Request, instance: Instance) -> HttpResponse:
    return render(request, "instances/_name.html", {"instance": instance, "focus": True})
