from django.utils.translation import gettext_lazy as _

from console.lists.pages import Link, address
from console.web.request import Request
from instances.choices import InstanceType


def type_tabs(request: Request) -> list[Link]:
    """Return the tabs: All, and one for each instance type. They keep the page's other filters."""
    chosen = request.GET.get("type", "")
    if chosen not in InstanceType.values:
        chosen = ""
    tabs = []
    for value, label in [("", _("All")), *((type.value, type.plural) for type in InstanceType)]:
        tabs.append(Link(label, address(request, type=value), active=value == chosen))
    return tabs
