from django import template

from backups.choices import BackupType
from backups.models import Backup
from instances.models import Instance

register = template.Library()


@register.simple_tag
def backup_counts(instance: Instance) -> dict[str, int]:
    """How many backups of the instance its deletion keeps (manual) and takes along (automated, and locked of those)."""
    kinds = list(Backup.objects.filter(instance=instance).values_list("type", "locked"))
    automated = [locked for kind, locked in kinds if kind == BackupType.AUTOMATED]
    return {"manual": len(kinds) - len(automated), "automated": len(automated), "locked": sum(automated)}
