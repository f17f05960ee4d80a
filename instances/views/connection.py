from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from console.accounts.access import performs
from console.web.confirm import confirm
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import answer_done
from console.web.request import Request
from instances.choices import EngineKind
from instances.connection_forms import EditConnectionForm
from instances.models import Instance
from instances.services_deployments import edit_connection, test_connection


def _existing(instance_id: str) -> Instance:
    found = Instance.objects.select_related("host", "deployment").filter(engine_kind=EngineKind.DEPLOYMENT)
    return get_object_or_404(found, pk=instance_id)


@performs(edit_connection)
@sensitive_post_parameters()
@get_or_post
def instance_edit_connection(request: Request, instance_id: str) -> HttpResponse:
    """Show and process the dialog Edit Connection."""
    instance = _existing(instance_id)
    form = EditConnectionForm(posted(request), deployment=instance.deployment)
    back = instance.get_absolute_url()
    if form.is_valid():
        with form.showing_refusals():
            edit_connection(
                instance=instance,
                access=form.access,
                may_probe=form.cleaned_data["may_probe"],
                forget_certificate=form.forgets_certificate,
                opened_with=form.cleaned_data["opened_with"],
                requested_by=request.user,
            )
            message = _("Testing the connection to %s.") % instance.name
            return answer_done(request, message=message, redirect=back)
    return render_form(
        request,
        form,
        "instances/_connection_form.html",
        page="instances/dialog.html",
        title=_("Edit Connection"),
        back=back,
        instance=instance,
        refusal=instance.connection_refusal,
    )


@performs(test_connection)
@get_or_post
def instance_test_connection(request: Request, instance_id: str) -> HttpResponse:
    """Show and process the dialog Test Connection."""
    instance = _existing(instance_id)
    return confirm(
        request,
        test_connection,
        "instances/_test_connection.html",
        instance=instance,
        page="instances/dialog.html",
        title=_("Test Connection"),
        refusal=instance.connection_refusal,
        message=_("Testing the connection to %s.") % instance.name,
        back=instance.get_absolute_url(),
    )
