from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import template
from django.contrib.auth.models import User
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from backups.choices import BackupType
from backups.models import Backup
from console.accounts import roles
from console.accounts.roles import Permission
from console.audit.models import AuditEvent
from instances.activity import Activity, Notified, activity_of
from instances.models import Instance, Job

register = template.Library()


@register.simple_tag
def backup_counts(instance: Instance) -> dict[str, int]:
    """How many backups of the instance its deletion keeps (manual) and takes along (automated, and locked of those)."""
    kinds = list(Backup.objects.filter(instance=instance).values_list("type", "locked"))
    automated = [locked for kind, locked in kinds if kind == BackupType.AUTOMATED]
    return {"manual": len(kinds) - len(automated), "automated": len(automated), "locked": sum(automated)}


@register.filter
def seconds(value: float | timedelta) -> str:
    """A span of time in the unit that says it best: 12 ms, 3.4 s, 5 min 6 s, 2 h 3 min."""
    span = value.total_seconds() if isinstance(value, timedelta) else value
    if span < 1:
        return _("%s ms") % number_format(span * 1000, decimal_pos=0 if span >= 0.01 else 1)
    if span < 60:
        return _("%s s") % number_format(span, decimal_pos=1)
    minutes, rest = divmod(round(span), 60)
    if minutes < 60:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


@register.filter
def per_second(size: int, span: timedelta) -> str:
    """Bytes in a span of time as a speed."""
    return _("%s/s") % filesizeformat(size / max(span.total_seconds(), 0.001))


@register.simple_tag
def backups_of(jobs: Iterable[Job]) -> dict[UUID, Backup]:
    """The backups that the jobs say they are about, by the jobs' ids; none for one that has gone. One query."""
    named = {job.id: job.parameters["backup"] for job in jobs if "backup" in job.parameters}
    found = Backup.objects.only("id", "name").in_bulk(set(named.values()))
    return {job: found[backup] for job, backup in named.items() if backup in found}


@register.simple_tag
def resource_urls(events: Iterable[AuditEvent]) -> dict[tuple[str, str], str]:
    """Where the resources of the events are that have a page and are still there. A query for each kind of them."""
    named = {(event.resource_type, event.resource_id) for event in events}
    urls = {}
    for model in (Instance, Backup):
        kind = str(model._meta.model_name)
        found = model._default_manager.only("pk").in_bulk({id for type, id in named if type == kind})
        urls.update({(kind, str(pk)): row.get_absolute_url() for pk, row in found.items()})
    return urls


@register.filter
def of_event(urls: dict[tuple[str, str], str], event: AuditEvent) -> str:
    return urls.get((event.resource_type, event.resource_id), "")


@register.filter
def of_job(backups: dict[UUID, Backup], job: Job) -> Backup | None:
    return backups.get(job.id)


@register.filter
def ago(when: datetime) -> str:
    """How long ago it was, for a sentence: "just now", "3 hours ago"."""
    if (timezone.now() - when).total_seconds() < 60:
        return _("just now")
    return _("%s ago") % timesince(when, depth=1)


@register.simple_tag(takes_context=True)
def activity(context: dict[str, Any]) -> Activity | None:
    """What every page shows of the user's work and of the agents; nothing to whom may not look."""
    user = context.get("user")
    if not isinstance(user, User) or roles.refusal(user, Permission.VIEW):
        return None
    return activity_of(user, timezone.now())


@register.simple_tag
def cursor_now() -> str:
    """Where a browser begins that has not been told anything yet."""
    return str(Notified(timezone.now()))
