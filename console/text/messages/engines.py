"""Messages about database servers: how they start, end and answer."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "server.restarting": _("The database server ended and is being started again."),
    "server.not_started": _("The database server could not be started: %(why)s."),
    "server.start_timed_out": _("The database server did not respond within %(seconds)d seconds."),
    "server.unreachable": _("The database server is not responding on port %(port)d."),
    "server.disk_full": _("The disk of the database server is full. Make room on it and try again."),
    "server.refused": _("The database server refused: %(why)s"),
    "server.busy": _("The database server is busy with a long operation, such as building an index."),
    "server.no_data": _("The data directory of the instance is missing."),
    "server.files_in_use": _("A database server is still using the files in %(folder)s."),
    "server.file_unknown": _("The database server has a file that cannot be part of a backup: %(name)s."),
    "server.file_unreadable": _("The file %(name)s of the database server could not be read: %(why)s."),
    "server.file_ended": _("The file %(name)s of the database server ended while it was being copied."),
    "server.backup_open": _("Another backup of this instance is open."),
    "server.backup_ended": _("The database server or the connection to it ended while the backup was running."),
    "server.backup_not_counted": _("The documents of the backup could not be counted."),
    "server.collection_damaged": _("The collection %(name)s is damaged."),
    "server.index_damaged": _("The indexes of the collection %(name)s do not match its documents: %(indexes)s."),
    "server.foreign_name": _("The database server has a database with an impossible name: %(why)s."),
}
