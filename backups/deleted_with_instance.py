"""The part about backups in the dialog that deletes an instance."""

from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from backups.choices import BackupType
from backups.models import Backup
from instances.models import Instance


def explain(sender: object, *, instance: Instance, **kwargs: Any) -> SafeString:
    """Say how many backups are deleted with the instance and how many are kept; a receiver of deletion_explained."""
    kinds = list(Backup.objects.filter(instance=instance).values_list("type", "locked"))
    automated = [locked for kind, locked in kinds if kind == BackupType.AUTOMATED]
    counts = {"manual": len(kinds) - len(automated), "automated": len(automated), "locked": sum(automated)}
    return render_to_string("backups/_deleted_with_instance.html", counts)
