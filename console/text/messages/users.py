"""Messages about users and their accounts."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "user.name_taken": _("Another user has this name. Upper and lower case count as the same. Choose another name."),
    "user.last_administrator": _(
        "This is the last active user with the Full access role. Give that role to another active user first."
    ),
    "user.yourself": _("You cannot deactivate yourself. Ask another user with the Full access role."),
    "user.own_password": _("Use Change password in the menu at the top right for your own password."),
    "user.own_sessions": _("Use Sessions in the menu at the top right for your own sessions."),
    "user.is_active": _("This user is already active."),
    "user.is_inactive": _("This user is already inactive."),
    "user.no_sessions": _("This user is not signed in anywhere."),
}
