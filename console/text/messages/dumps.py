"""Messages about dumps of existing deployments: making them, and reading them back."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "deployment.no_way": _(
        "No backup of one moment is possible yet. Run Test Connection, or allow backups that are not of one moment in "
        "the settings of the deployment."
    ),
    "deployment.not_in_moment": _(
        "The server does not read these collections at the same moment as the others: %(names)s. Allow backups that "
        "are not of one moment in the settings of the deployment to include them."
    ),
    "deployment.collections_change": _(
        "Collections are created, dropped or renamed all the time, so the backup could not begin with a complete list. "
        "Start it again when fewer are."
    ),
    "deployment.collection_moved": _(
        "The collection %(name)s was dropped, replaced or renamed before the backup had read it. Start the backup "
        "again."
    ),
    "deployment.dump_stopped": _("The backup stopped while it was reading %(name)s: %(why)s"),
    "deployment.no_credentials": _(
        "The server does not show the credentials of its users, such as %(user)s, so a restored user could not sign "
        "in. Back up without users and roles."
    ),
    "deployment.dump_foreign": _("The file is not an archive of mongodump."),
    "deployment.dump_version": _("The dump has version %(version)s of mongodump's format; only %(ours)s can be read."),
    "deployment.dump_with_oplog": _(
        "The dump was made with --oplog: its collections match only once its oplog is replayed, which the console does "
        "not do. Dump again without --oplog, or load it with mongorestore --oplogReplay."
    ),
    "deployment.dump_damaged": _("The dump is damaged: %(why)s. Use another backup."),
    "deployment.dump_ends_early": _("The dump ends early, so documents are missing. Use another backup."),
    "deployment.too_many_collections": _(
        "The deployment has so many collections that the list of them exceeds 64 MB. Back it up with another tool."
    ),
}
