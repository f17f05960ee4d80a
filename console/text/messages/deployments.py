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
    "deployment.not_restored": _("Nothing was changed: %(why)s"),
    "deployment.restored_after_all": _(
        "%(why)s The console finished the restoration when the deployment answered again: it has the restored data."
    ),
    "deployment.restoration_undone": _(
        "%(why)s The console undid the restoration when the deployment answered again: it has the data from before."
    ),
}
