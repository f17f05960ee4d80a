"""Messages about archives that are damaged, or that could not be written, read, sent or imported."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "archive.unwritable": _("The archive could not be written: %(why)s."),
    "archive.unreadable": _("The archive could not be read: %(why)s."),
    "archive.undeletable": _("The archive could not be deleted: %(why)s."),
    "archive.missing": _("The archive %(name)s is missing."),
    "archive.exists": _("The storage already has an archive %(name)s."),
    "archive.not_taken": _("The storage did not accept the whole archive."),
    "archive.other_name": _("The storage saved the archive as %(saved)s, not as %(name)s."),
    "archive.other_size": _("The storage has %(held)d bytes of the archive instead of %(size)d."),
    "archive.member_size": _("The file %(name)s does not have the size that was announced."),
    "archive.too_many_members": _("The instance has more files or collections than an archive can list."),
    "archive.other_digest": _("The archive %(name)s is not the one that was written: its SHA-256 differs."),
    "archive.broken": _("The archive %(name)s is damaged: %(why)s."),
    "archive.broken_header": _("The archive is damaged: %(why)s."),
    "archive.broken_size": _("The archive %(name)s is damaged: it has %(found)d bytes instead of %(size)d."),
    "archive.broken_sums": _("The archive is damaged: its contents do not match its SHA256SUMS."),
    "archive.ends_early": _("The archive ends too early."),
    "archive.wrong_end": _("The archive is longer or shorter than its manifest says."),
    "archive.no_member": _("The archive has no %(name)s."),
    "archive.other_member": _("The archive has %(found)r where %(name)s belongs."),
    "archive.unknown_member": _("The archive has a member %(name)r, which no backup has."),
    "archive.wrong_size": _("%(name)s in the archive has the wrong size."),
    "archive.old_format": _(
        "The archive has the old format %(theirs)d, which this version of the console does not read."
    ),
    "archive.new_format": _(
        "The archive was made by a newer version of the console (format %(theirs)d, here %(ours)d)."
    ),
    "archive.other_engine": _(
        "The archive holds databases of the engine %(theirs)s. This console's engine is %(ours)s."
    ),
    "archive.other_method": _("The archive was made by the unknown method %(method)s."),
    "archive.manifest": _("The archive's manifest cannot be understood: %(why)s."),
    "archive.foreign": _("The archive was not made by a console like this one."),
    "archive.breaks_rule": _("The archive's manifest breaks a rule. %(why)s"),
    "archive.reads_differently": _("The archive was written, but it cannot be read as it was written."),
    "archive.contents": _("The archive's list of contents cannot be understood: %(why)s."),
    "archive.no_folder": _("The directory for the databases could not be created: %(why)s."),
    "archive.no_room": _("The databases need %(needed)s, but only %(free)s are free in %(folder)s."),
    "archive.not_unpacked": _("The file %(name)s could not be unpacked: %(why)s."),
    "download.elsewhere": _("The archive %(name)s is not in the storage of the backups. It was made on host %(host)s."),
    "download.too_many": _("%(count)d downloads are running, which is as many as the console sends at the same time."),
    "import.running": _("Another archive is being imported. Wait until that has ended."),
    "import.no_room": _("Nothing was imported. %(why)s"),
    "import.failed": _("Nothing was imported: %(why)s."),
    "import.no_file": _("There is no file %(path)s."),
    "import.id_taken": _("A backup with the ID %(id)s already exists."),
    "import.known": _(
        "The backup %(name)s with the ID %(id)s already exists. It can be imported again under a new ID."
    ),
    "import.archive_exists": _("The storage already has an archive %(name)s, and it cannot be this one. %(why)s"),
    "import.future": _("The archive was made on %(moment)s, which is in the future. Check the clock of this machine."),
}
