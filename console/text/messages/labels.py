"""Labels of statuses and roles that messages take as parameters. The enums use the labels from here."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

TEXTS = {
    "label.available": _("Available"),
    "label.creating": _("Creating"),
    "label.creation_failed": _("Creation failed"),
    "label.backing_up": _("Backing up"),
    "label.checking_restoration": _("Checking restoration"),
    "label.restoring": _("Restoring"),
    "label.restoration_failed": _("Restoration failed"),
    "label.restarting": _("Restarting"),
    "label.deleting": _("Deleting"),
    "label.abnormal": _("Abnormal"),
    "label.backup_complete": pgettext_lazy("backup", "Complete"),
    "label.backup_failed": pgettext_lazy("backup", "Failed"),
    "label.full_access": _("Full access"),
    "label.backup_operator": _("Backup operator"),
    "label.read_only": _("Read-only"),
}
