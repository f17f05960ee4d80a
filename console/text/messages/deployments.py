"""Messages about existing deployments: reaching them, backing them up, and loading a dump into them."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "deployment.password_unreadable": _(
        "The password of this deployment cannot be read any more, because the console's credential key has changed. "
        "Enter the password again."
    ),
    "deployment.test_timed_out": _(
        "The deployment did not answer everything within %(seconds)d seconds. Check the network, then test again."
    ),
    "deployment.dump_foreign": _("The file is not an archive of mongodump."),
    "deployment.dump_version": _("The dump has version %(version)s of mongodump's format; only %(ours)s can be read."),
    "deployment.dump_damaged": _("The dump is damaged: %(why)s. Use another backup."),
    "deployment.dump_ends_early": _("The dump ends early, so documents are missing. Use another backup."),
    "deployment.too_many_collections": _(
        "The deployment has so many collections that the list of them exceeds 64 MB. Back it up with another tool."
    ),
}
