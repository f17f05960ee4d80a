from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import performs
from console.web.confirm import confirm
from console.web.dialogs import get_or_post
from console.web.request import Request
from instances.models import Instance
from instances.services import delete_instance


@performs(delete_instance)
@get_or_post
def instance_delete(request: Request, instance_id: str) -> HttpResponse:
    """Show and process the dialog Delete DB Instance."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    return confirm(
        request,
        delete_instance,
        "instances/_delete.html",
        instance=instance,
        page="instances/dialog.html",
        title=_("Delete DB Instance"),
        refusal=instance.delete_refusal,
        message=_("Deleting the instance %s.") % instance.name,
        back=reverse("instances:list"),
    )
