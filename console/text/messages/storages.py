"""Reasons for storage failures: each is the end of a sentence, such as "The archive could not be written: ...".

The results of a test of the storage, `storage.test_...`, are whole sentences.
"""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "folder.full": _("The archive can take up to %(size)s, but only %(free)s are free in %(folder)s."),
    "folder.changed": _(
        "the folder %(folder)s is not the one that was used before; mount its disk, "
        "or empty the file %(file)s to use it as it is"
    ),
    "s3.changed": _(
        "the bucket, with this prefix, is not the one that has the archives of this console; "
        "correct CONSOLE_S3_BUCKET or CONSOLE_S3_PREFIX, or empty the file %(file)s to use it as it is"
    ),
    "s3.differs": _("the S3 storage does not hold what was sent to it"),
    "s3.breaks_off": _("the S3 storage repeatedly broke off in the middle of the archive"),
    "s3.no_key": _(
        "there is no access key for the S3 storage; set CONSOLE_S3_ACCESS_KEY_ID and CONSOLE_S3_SECRET_ACCESS_KEY"
    ),
    "s3.wrong_key": _(
        "the S3 storage does not accept the access key; check CONSOLE_S3_ACCESS_KEY_ID and CONSOLE_S3_SECRET_ACCESS_KEY"
    ),
    "s3.certificate": _(
        "the certificate of the S3 storage is not trusted; check CONSOLE_S3_ENDPOINT_URL, or set AWS_CA_BUNDLE"
    ),
    "s3.unreachable": _("the S3 storage is not responding; check CONSOLE_S3_ENDPOINT_URL and the network"),
    "s3.no_bucket": _("the S3 storage has no bucket of this name; check CONSOLE_S3_BUCKET"),
    "s3.region": _("the bucket is in another region; check CONSOLE_S3_REGION"),
    "s3.clock": _("the clocks of this machine and of the S3 storage differ; synchronize them"),
    "s3.forbidden": _(
        "the S3 storage does not allow %(operation)s; check CONSOLE_S3_ACCESS_KEY_ID and the permissions "
        "that README lists"
    ),
    "s3.overloaded": _("the S3 storage failed several times in a row (%(code)s); try again later"),
    "s3.refused": _("the S3 storage refused %(operation)s: %(code)s"),
    "storage.test_runs": _("A test of the storage is already running on this host."),
    "storage.test_write": _("The storage cannot be written: %(why)s."),
    "storage.test_read": _("What was written to the storage cannot be read: %(why)s."),
    "storage.test_differs": _(
        "The storage returned something else than was written to it. Do not trust it with backups."
    ),
    "storage.test_delete": _("What was written to the storage cannot be deleted: %(why)s."),
    "storage.test_kept": _("The storage still has an object that it was told to delete."),
    "s3.unusable": _("the S3 storage cannot be used: %(name)s"),
}
