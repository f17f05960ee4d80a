"""Messages about instances, and about refused actions on them."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "instance.gone": _("The instance no longer exists."),
    "instance.deleting": _("The instance is being deleted."),
    "instance.busy": _("An operation is running on the instance (%(status)s). Wait until it has ended."),
    "instance.not_available": _("No backup can be made now. The instance is: %(status)s."),
    "instance.final_backup": _("Made before the instance was deleted"),
    "instance.final_backup_failed": _("The instance was kept, because its final backup was not made: %(why)s"),
    "instance.no_restart": _("The instance has no server to restart (%(status)s)."),
    "instance.no_password_reset": _("The instance has no server on which to reset the password (%(status)s)."),
    "instance.no_port": _("The instance has no port."),
    "instance.no_free_port": _("Host %(host)s has no free port left."),
}
