"""Labels of statuses, roles and fields that messages take as parameters. The enums and forms use them from here."""

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
    "label.role": _("Role"),
    "label.instance_name": _("DB Instance Name"),
    "label.description": _("Description"),
    "label.automated_backup": _("Automated Backup"),
    "label.keep_days": _("Retention Period (days)"),
    "label.window": _("Time Window (UTC)"),
    "label.weekdays": _("Backup Cycle"),
    "label.monday": _("Monday"),
    "label.tuesday": _("Tuesday"),
    "label.wednesday": _("Wednesday"),
    "label.thursday": _("Thursday"),
    "label.friday": _("Friday"),
    "label.saturday": _("Saturday"),
    "label.sunday": _("Sunday"),
    "label.on": pgettext_lazy("a switch", "on"),
    "label.off": pgettext_lazy("a switch", "off"),
    "label.empty": _("(empty)"),
}
