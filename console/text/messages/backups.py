"""Messages about backups and restorations, and about refused actions on them."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "backup.gone": _("The backup no longer exists."),
    "backup.no_download": _("Only a finished backup can be downloaded. This one is: %(status)s."),
    "backup.no_lock": _("Only a finished backup can be locked. This one is: %(status)s."),
    "backup.no_restore": _("Only a finished backup can be restored. This one is: %(status)s."),
    "backup.no_verification": _("Only a finished backup can be verified. This one is: %(status)s."),
    "backup.no_cancellation": _("Only a running backup can be cancelled. This one is: %(status)s."),
    "backup.cancelling": _("This backup is already being cancelled."),
    "backup.cancelled_by": _("cancelled by %(name)s"),
    "backup.the_console": _("the console"),
    "backup.part_of_restoration": _("This backup is part of a restoration and ends with it."),
    "backup.unfinished": _("This backup is still being made. Cancel it, or wait until it has ended."),
    "backup.deleting": _("This backup is being deleted."),
    "backup.locked": _("This backup is locked. Unlock it first."),
    "backup.already_locked": _("This backup is already locked."),
    "backup.not_locked": _("This backup is not locked."),
    "backup.expires": _("Automated backups expire by themselves. They can be deleted only while the policy is off."),
    "backup.in_use": _("The backup is being restored or verified. Wait until that has ended."),
    "backup.automated_in_use": _(
        "An automated backup of the instance is being restored or verified. Wait until that has ended."
    ),
    "backup.verifying": _("The backup is already being verified."),
    "restore.imported": _("This backup was made elsewhere. Restore it to a new instance."),
    "restore.instance_deleted": _("The instance of this backup has been deleted. Restore it to a new instance."),
    "restore.other_host": _(
        "The archive is on host %(there)s, the instance on %(here)s. Restore the backup to a new instance."
    ),
    "restore.lacking": _("The new instance does not support these indexes or options of the backup: %(names)s."),
    "restore.physical": _(
        "This backup has the files of a database server of the console. Restore it to a new instance."
    ),
    "restore.no_target": _("The backup cannot be restored to “%(name)s”: choose one from the list."),
    "restore.no_deployment": _(
        "No existing deployment that is Available can be restored to. Add an empty one with Add Existing Instance."
    ),
    "restore.nothing_to_back_up": _(
        "The data directory of the instance is missing, so there is no current data to back up. "
        "Restore without backing it up first."
    ),
    "restore.not_started": _("The restored server did not start: %(why)s"),
    "restore.safety_backup_failed": _("The safety backup failed, so nothing was changed: %(why)s"),
    "restore.safety_backup_of": _("Made before %(name)s was restored"),
    "verification.failed": _("The temporary server could not check the backup: %(why)s"),
    "verification.differs": _("The restored backup differs from its list of contents: %(differences)s."),
    "verification.documents": _("documents in %(collection)s: %(found)s instead of %(expected)s"),
    "verification.indexes": _("%(collection)s has different indexes"),
    "verification.more": _("%(count)d more collections differ"),
}
