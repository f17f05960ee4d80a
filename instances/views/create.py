from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import performs
from console.web.dialogs import get_or_post, render_form
from console.web.htmx import answer_done
from console.web.request import Request
from instances.choices import InstanceType
from instances.demo_documents import WATCHABLE
from instances.forms import CreateInstanceForm
from instances.services import create_instance


@performs(create_instance)
@get_or_post
def instance_create(request: Request) -> HttpResponse:
    """Show and process the dialog Create DB Instance."""
    form = CreateInstanceForm.of(request)
    back = reverse("instances:list")
    if "demo" in request.GET and "demo" in form.fields:
        form.fields["demo"].initial = True
    if form.is_valid():
        with form.showing_refusals():
            instance = create_instance(
                name=form.cleaned_data["name"],
                type=InstanceType(form.cleaned_data["type"]),
                host=form.chosen_host,
                password=form.cleaned_data["password"] or "",
                more_documents=WATCHABLE if form.cleaned_data.get("demo") else 0,
                requested_by=request.user,
                request_key=form.cleaned_data["request_key"],
            )
            message = _("Creating the instance %s.") % instance.name
            return answer_done(request, message=message, redirect=back)
    title = _("Create DB Instance")
    return render_form(
        request, form, "components/_password_form.html", page="instances/dialog.html", title=title, back=back
    )
