"""The audit page and its export."""

from django.http import HttpResponseBase
from django.views.decorators.http import require_safe

from console.accounts.access import needs
from console.accounts.roles import Permission
from console.audit.lists import AUDIT_COLUMNS, AuditListForm
from console.audit.models import AuditEvent
from console.audit.resources import link_resources
from console.lists.csv import export
from console.web.htmx import live, render_list
from console.web.request import Request


@needs(Permission.READ_AUDIT)
@require_safe
@live
def audit_list(request: Request) -> HttpResponseBase:
    """Show the audit, or export it as CSV."""
    filters = AuditListForm(request)
    if filters.exports:
        return export("audit", AUDIT_COLUMNS, filters.found(AuditEvent.objects.all()))
    page = filters.page(AuditEvent.objects.all())
    link_resources(page.rows)
    context = {
        "events": page.rows,
        "page": page,
        "filters": filters,
        "columns": filters.columns,
        "any_in_progress": False,
    }
    return render_list(request, "audit/audit.html", "audit/_audit.html", context)
