"""Reasons why a task cannot be retried."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "task.no_retry": _("Only a failed or cancelled task can be retried. This one is: %(status)s."),
    "task.retried": _("This task has been retried already. Retry the newer task."),
    "task.password_not_kept": _(
        "This task needs the password that was entered, which the console does not keep. Start again and enter it."
    ),
    "task.deletion": _("Deleting an instance asks for its own confirmation. Delete it again from Instance Management."),
    "task.backup_gone": _("The backup of this task has been deleted. Create a new backup instead."),
    "task.instance_gone": _("The instance of this task has been deleted. Create a new instance instead."),
}
