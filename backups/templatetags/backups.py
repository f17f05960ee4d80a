from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from backups.choices import BackupType
from backups.models import Backup
from instances.models import Instance

register = template.Library()


@register.simple_tag
def backup_counts(instance: Instance) -> dict[str, int]:
    """How many backups of the instance its deletion keeps (manual) and takes along (automated)."""
    types = list(Backup.objects.filter(instance=instance).values_list("type", flat=True))
    return {"manual": types.count(BackupType.MANUAL), "automated": types.count(BackupType.AUTOMATED)}


@register.filter
def ago(when: datetime) -> str:
    """How long ago it was, for a sentence: "just now", "3 hours ago"."""
    if (timezone.now() - when).total_seconds() < 60:
        return _("just now")
    return _("%s ago") % timesince(when, depth=1)
