"""Messages about loading a dump into a server."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "deployment.collection_refused": _(
        "The collection %(name)s cannot be created because the server rejects its options: %(why)s"
    ),
    "deployment.option_ignored": _(
        "The collection %(name)s cannot be restored because the server ignores its option %(option)s."
    ),
    "deployment.index_refused": _(
        "The index %(index)s of the collection %(name)s cannot be built because the server rejects it: %(why)s"
    ),
    "deployment.index_option_ignored": _(
        "The index %(index)s of the collection %(name)s cannot be restored because the server ignores its option "
        "%(option)s."
    ),
    "deployment.view_refused": _("The view %(name)s cannot be created because the server rejects it: %(why)s"),
    "deployment.documents_refused": _("The server does not accept all documents of the collection %(name)s: %(why)s"),
    "deployment.not_durable": _(
        "The deployment did not confirm a write on a majority of its members, so it may be lost: %(why)s"
    ),
    "deployment.documents_missing": _(
        "The collection %(name)s has only %(kept)s of the %(count)s documents that were loaded into it. Another client "
        "may have changed it, or a server of the deployment failed meanwhile."
    ),
    "deployment.capped_too_small": _(
        "The capped collection %(name)s keeps only %(kept)s of its %(count)s documents on this server, which counts "
        "their size differently. Restore to a server like the original."
    ),
    "deployment.time_series_refused": _(
        "The time series %(name)s cannot be restored because the server does not store time series as MongoDB does."
    ),
    "deployment.not_empty": _(
        "The target is not empty: it has the database %(name)s. Choose an empty deployment, or drop the database first."
    ),
    "deployment.older_server": _(
        "The backup is of MongoDB %(backup)s, but the target is version %(target)s. Choose a target of at least "
        "the backup's version."
    ),
    "deployment.sharded_target": _(
        "A sharded cluster cannot be restored over itself, because its collections cannot be exchanged. Create a new "
        "instance from the backup."
    ),
    "deployment.not_renamable": _(
        "%(name)s cannot be restored over the original, because servers cannot rename a time series or a collection "
        "with encrypted fields. Create a new instance from the backup."
    ),
    "deployment.options_lost": _(
        "This server loses the options of a collection when it renames it, so the collection %(name)s cannot be "
        "restored over the original. Create a new instance from the backup."
    ),
    "deployment.exchange_disturbed": _(
        "Another client changed the collection %(name)s during the restore, so it is not the restored one. Restore the "
        "backup again."
    ),
    "deployment.restored_elsewhere": _(
        "The deployment does not have the mark of the interrupted restoration, the collection %(mark)s, so it is "
        "probably another one. Edit the connection so that it leads to the right one, or remove the instance from the "
        "console. If it is the right one, create this collection to let the agent go on, or delete the file %(path)s "
        "on the agent's host to leave the deployment as it is."
    ),
    "deployment.journal_damaged": _(
        "The record of an unfinished restore in %(path)s is damaged: %(why)s. Drop the collections whose names begin "
        "with console.restore, then delete the file."
    ),
    "deployment.collection_differs": _(
        "The collection %(name)s was not restored completely: %(loaded)s documents and the indexes %(loaded_indexes)s, "
        "but the backup has %(expected)s documents and the indexes %(expected_indexes)s."
    ),
    "deployment.collection_missing": _("The backup lists the collection %(name)s, but its dump does not have it."),
    "deployment.collection_unlisted": _("The dump has the collection %(name)s, but the backup does not list it."),
}
