from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import performs
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import answer_done
from console.web.request import Request
from instances.forms import DeleteInstanceForm
from instances.models import Instance
from instances.services import delete_instance


@performs(delete_instance)
@get_or_post
def instance_delete(request: Request, instance_id: str) -> HttpResponse:
    """Show and process the dialog Delete DB Instance; for an existing deployment it is called Remove from Console."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    form = DeleteInstanceForm(posted(request), instance=instance)
    back = reverse("instances:list")
    if form.is_valid():
        with form.showing_refusals():
            final_backup = form.cleaned_data["final_backup"]
            delete_instance(instance=instance, final_backup=final_backup, requested_by=request.user)
            removing = _("Removing %s from the console.") if instance.is_deployment else _("Deleting the instance %s.")
            return answer_done(request, message=removing % instance.name, redirect=back)
    return render_form(
        request,
        form,
        "instances/_delete.html",
        page="instances/dialog.html",
        title=_("Remove from Console") if instance.is_deployment else _("Delete DB Instance"),
        back=back,
        deleted=instance,
        refusal=instance.delete_refusal,
    )
