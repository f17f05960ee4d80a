from django import template

from backups.choices import BackupType
from backups.models import Backup
from instances.models import Instance

register = template.Library()


@register.simple_tag
def backup_counts(instance: Instance) -> dict[str, int]:
    """How many backups of the instance its deletion keeps (manual) and takes along (automated)."""
    types = list(Backup.objects.filter(instance=instance).values_list("type", flat=True))
    return {"manual": types.count(BackupType.MANUAL), "automated": types.count(BackupType.AUTOMATED)}
