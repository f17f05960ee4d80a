"""Messages of the test hooks and of the command reset."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "test.status_held": _("A test holds this status."),
    "test.backup_fails": _("A test made this backup fail at %(percent)d %%."),
    "test.policy_off": _("Automated backup is off."),
    "reset.running": _("The console is being emptied."),
    "reset.agent_busy": _("The agent did not end all its work within %(seconds)d seconds. See its log."),
}
