from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.http import Request
from instances.choices import InstanceType


@dataclass(frozen=True)
class Tab:
    label: str | Promise
    url: str
    active: bool


def type_tabs(request: Request) -> list[Tab]:
    """All and one tab per instance type, each keeping the rest of the page's filters."""
    chosen = request.GET.get("type", "")
    if chosen not in InstanceType.values:
        chosen = ""
    tabs = []
    for value, label in [("", _("All")), *((kind.value, kind.plural) for kind in InstanceType)]:
        query = request.GET.copy()
        query.pop("type", None)
        query.pop("version", None)
        if value:
            query["type"] = value
        url = f"{request.path}?{query.urlencode()}" if query else request.path
        tabs.append(Tab(label, url, active=value == chosen))
    return tabs
