from django.http import HttpResponseBase
from django.views.decorators.http import require_safe

from console.lists.csv import export
from console.web.htmx import live, render_list
from console.web.request import Request
from instances.lists import INSTANCE_COLUMNS, InstanceListForm
from instances.models import Instance
from instances.plans import plan
from instances.tabs import type_tabs


@require_safe
@live
def instance_list(request: Request) -> HttpResponseBase:
    """Show the list of Instance Management, or export it."""
    filters = InstanceListForm(request)
    if filters.exports:
        return export("instances", INSTANCE_COLUMNS, filters.found(Instance.objects.shown()))
    page = filters.page(Instance.objects.shown())
    plan(page.rows)
    context = {
        "instances": page.rows,
        "page": page,
        "filters": filters,
        "columns": filters.columns,
        "tabs": type_tabs(request),
        "any_in_progress": any(instance.in_transition for instance in page.rows),
    }
    return render_list(request, "instances/list.html", "instances/_list.html", context)
