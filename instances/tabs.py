from django.utils.translation import gettext_lazy as _

from console.lists.form import Link, address
from console.web.request import Request
from instances.choices import InstanceType


def type_tabs(request: Request) -> list[Link]:
    """All and one tab per instance type, each keeping the rest of the page's filters."""
    chosen = request.GET.get("type", "")
    if chosen not in InstanceType.values:
        chosen = ""
    tabs = []
    for value, label in [("", _("All")), *((kind.value, kind.plural) for kind in InstanceType)]:
        tabs.append(Link(label, address(request, type=value), active=value == chosen))
    return tabs
