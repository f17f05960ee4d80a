"""The rows that audit events and jobs name by kind and id, and links to their pages."""

from collections.abc import Collection, Iterable
from typing import Any

from django.apps import apps

from console.audit.models import AuditEvent


def link_resources(events: Iterable[AuditEvent]) -> None:
    """Set `resource_url` of each event whose resource has a page and still exists, with one query per kind."""
    named: dict[str, list[AuditEvent]] = {}
    for event in events:
        named.setdefault(event.resource_type, []).append(event)
    for kind, about in named.items():
        rows = linked_rows(kind, {event.resource_id for event in about}, "pk")
        for event in about:
            if row := rows.get(event.resource_id):
                event.resource_url = row.get_absolute_url()


def linked_rows(kind: str, ids: Collection[str], *fields: str) -> dict[str, Any]:
    """Return the existing rows by id, with only these fields; none if rows of this kind have no pages.

    The kind of a resource is the name of its model, so the caller need not import the app that defines the model.
    """
    for model in apps.get_models() if ids else ():
        if model._meta.model_name == kind and hasattr(model, "get_absolute_url"):
            return {str(id): row for id, row in model._default_manager.only(*fields).in_bulk(ids).items()}
    return {}
