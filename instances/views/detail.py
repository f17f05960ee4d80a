from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from console.processes.bind import is_loopback
from console.web.htmx import live, render_list
from console.web.request import Request
from instances import connecting
from instances.models import Instance


@require_safe
@live
def instance_detail(request: Request, instance_id: str) -> HttpResponse:
    """Show the page Basic Information."""
    instance = get_object_or_404(Instance.objects.select_related("host", "deployment"), pk=instance_id)
    context = {
        "instance": instance,
        "connection_string": connecting.connection_string(instance),
        "snippets": connecting.snippets(instance),
        "administrator": connecting.ADMINISTRATOR,
        "local_only": is_loopback(instance.host.db_address),
        "any_in_progress": instance.in_transition,
    }
    return render_list(request, "instances/detail.html", "instances/_detail.html", context)
