"""Messages about the console itself: its database, disks, users and agents."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

TEXTS = {
    "database.full": _("The disk of the console database is full. Make room on it."),
    "database.locked": _("Another program has locked the console database."),
    "database.unusable": _("The file of the console database cannot be used (%(why)s). Check its disk."),
    "database.unreachable": _("The console database is not responding."),
    "disk.full": _("%(why)s. Make room on the disk and try again"),
    "files.too_many": _(
        "%(why)s. Let the console open more files (ulimit -n, or LimitNOFILE= in a systemd unit) and start it again"
    ),
    "sign_in.locked": _("Too many failed attempts."),
    "sign_in.wrong": _("Wrong user name or password."),
    "password.wrong": _("Wrong current password."),
    "session.ended": _("This session has already ended."),
    "change.value": _("%(label)s: %(before)s → %(after)s"),
    "change.meanwhile": _(
        "This was changed after you opened the form. %(changes)s. Press OK again to save what you entered instead."
    ),
    "role.missing": _("Your user has no role yet. Ask an administrator for one."),
    "role.insufficient": ngettext_lazy(
        "Your role (%(yours)s) does not allow this. Requires the %(others)s role.",
        "Your role (%(yours)s) does not allow this. Requires one of these roles: %(others)s.",
        "count",
    ),
    "host.clock_ahead": _(
        "Host %(host)s counts as offline: its last heartbeat is in the future (%(since)s). "
        "Check the clocks of all hosts, then try again."
    ),
    "host.offline": _(
        "Host %(host)s is offline: its agent has stopped responding (last heartbeat: %(since)s). "
        "Start the agent, then try again."
    ),
    "agent.stopped": _("The agent stopped while this was running."),
    "agent.shut_down": _("The agent was stopped while this was running."),
    "job.disk": _("The work could not be done on this host: %(why)s."),
    "job.unexpected": _("Unexpected error: %(name)s. The agent's log has the details."),
    "job.password_unreadable": _(
        "This host cannot read the password because it lacks the key that sealed it. "
        "Set the same CONSOLE_CREDENTIAL_KEYS for the web process and all agents, then try again."
    ),
}
