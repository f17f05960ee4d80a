from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from console.accounts.access import performs
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import answer_done
from console.web.request import Request
from instances.connection_forms import AddExistingInstanceForm
from instances.services_deployments import add_existing_instance


@performs(add_existing_instance)
@sensitive_post_parameters()
@get_or_post
def instance_add_existing(request: Request) -> HttpResponse:
    """Show and process the dialog Add Existing Instance."""
    form = AddExistingInstanceForm(posted(request))
    back = reverse("instances:list")
    if form.is_valid():
        with form.showing_refusals():
            instance = add_existing_instance(
                name=form.cleaned_data["name"],
                access=form.access,
                may_probe=form.cleaned_data["may_probe"],
                host=form.chosen_host,
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
            message = _("Testing the connection to %s.") % instance.name
            return answer_done(request, message=message, redirect=back)
    fragment, title = "instances/_connection_form.html", _("Add Existing Instance")
    return render_form(request, form, fragment, page="instances/dialog.html", title=title, back=back)
