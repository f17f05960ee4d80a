"""Links from audit events to the pages of their resources."""

from collections.abc import Iterable

from django.apps import apps

from console.audit.choices import ResourceKind
from console.audit.models import AuditEvent


def link_resources(events: Iterable[AuditEvent]) -> None:
    """Set `resource_url` of each event whose resource has a page and still exists, with one query per kind.

    The kind of a resource is the name of its model, so the audit need not import the apps that define the models.
    """
    named: dict[tuple[str, str], list[AuditEvent]] = {}
    for event in events:
        named.setdefault((event.resource_type, event.resource_id), []).append(event)
    for model in apps.get_models():
        kind = str(model._meta.model_name)
        ids = [id for type, id in named if type == kind]
        if kind not in ResourceKind.values or not ids or not hasattr(model, "get_absolute_url"):
            continue
        for pk, row in model._default_manager.only("pk").in_bulk(ids).items():
            for event in named[kind, str(pk)]:
                event.resource_url = row.get_absolute_url()
