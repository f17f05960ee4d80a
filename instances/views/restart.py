from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from console.accounts.access import performs
from console.web.confirm import confirm
from console.web.dialogs import get_or_post
from console.web.request import Request
from instances.models import Instance
from instances.services import restart_instance


@performs(restart_instance)
@get_or_post
def instance_restart(request: Request, instance_id: str) -> HttpResponse:
    """Show and process the dialog Restart DB Instance."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    return confirm(
        request,
        restart_instance,
        "instances/_restart.html",
        instance=instance,
        page="instances/dialog.html",
        title=_("Restart DB Instance"),
        refusal=instance.restart_refusal,
        message=_("Restarting the instance %s.") % instance.name,
        back=instance.get_absolute_url(),
    )
