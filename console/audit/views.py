"""The page of the audit, and its export."""

from collections.abc import Iterator

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.accounts.access import needs
from console.accounts.roles import Permission
from console.audit.forms import AuditFilterForm
from console.audit.models import AuditEvent, AuditEventQuerySet
from console.lists.csv import csv_response
from console.web.htmx import REFRESH, live, render_list
from console.web.request import Request

AUDIT_PAGE = 50


@needs(Permission.READ_AUDIT)
@require_safe
@live
def audit_list(request: Request) -> HttpResponse:
    """The newest events; `before` is the id of the last one on the page before."""
    filters = AuditFilterForm(request.GET)
    events = filters.apply(AuditEvent.objects.all())
    found = list(_before(events, request.GET.get("before", ""))[: AUDIT_PAGE + 1])
    shown = found[:AUDIT_PAGE]
    query = request.GET.copy()
    for name in ("before", *REFRESH):
        query.pop(name, None)
    context = {
        "events": shown,
        "filters": filters,
        "filtered": filters.is_set(),
        "any_in_progress": False,
        "query": query.urlencode(),
        "paged": "before" in request.GET,
        "older": shown[-1].pk if len(found) > AUDIT_PAGE else None,
    }
    return render_list(request, "audit/audit.html", "audit/_audit.html", context)


@needs(Permission.READ_AUDIT)
@require_safe
def audit_export(request: Request) -> HttpResponseBase:
    """All events that the filters let through, as CSV."""
    events = AuditFilterForm(request.GET).apply(AuditEvent.objects.all())
    return csv_response(f"audit-{timezone.now():%Y%m%d-%H%M%S}.csv", _audit_rows(events))


def _before(events: AuditEventQuerySet, id: str) -> AuditEventQuerySet:
    """Those older than the event: paging costs the same at any depth."""
    last = AuditEvent.objects.filter(pk=int(id)).first() if id.isascii() and id.isdigit() and len(id) < 19 else None
    return events.older_than(last) if last else events


def _audit_rows(events: AuditEventQuerySet) -> Iterator[list[object]]:
    yield ["time", "user", "trace", "resource_type", "resource_id", "resource_name", "address", "outcome", "reason"]
    for event in events.iterator(chunk_size=2000):
        yield [
            *(event.time.isoformat(), event.user_name, event.trace),
            *(event.resource_type, event.resource_id, event.resource_name),
            *(event.address, event.outcome, event.reason),
        ]
