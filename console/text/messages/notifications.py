"""What happened, as notifications say it; their labels; and why a notification could not be delivered."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "label.channel_name": _("Name"),
    "label.channel_url": _("Apprise URL"),
    "label.channel_events": _("Events"),
    "label.url_old": _("the old one"),
    "label.url_new": _("a new one"),
    "label.channel_minimum": _("Minimum Level"),
    "label.channel_enabled": _("Enabled"),
    "label.event_backup_failed": _("Backup failed"),
    "label.event_verification_failed": _("Verification failed"),
    "label.event_restore_failed": _("Restore failed"),
    "label.event_restore_done": _("Restore done"),
    "label.event_unprotected": _("No Complete backup for too long"),
    "label.event_host_offline": _("Host offline"),
    "label.event_storage_unwritable": _("Storage cannot be written"),
    "label.event_automated_backup": _("Every automated backup"),
    "event.backup_failed": _("Backup “%(backup)s” of instance “%(instance)s” failed: %(reason)s"),
    "event.automated_failed": _("Automated backup “%(backup)s” of instance “%(instance)s” failed: %(reason)s"),
    "event.automated_complete": _("Automated backup “%(backup)s” of instance “%(instance)s” is complete."),
    "event.verification_failed": _(
        "The verification of backup “%(backup)s” of instance “%(instance)s” failed: %(reason)s"
    ),
    "event.restore_done": _("Backup “%(backup)s” is restored to instance “%(instance)s”."),
    "event.restore_failed": _("Restoring backup “%(backup)s” to instance “%(instance)s” failed: %(reason)s"),
    "event.unprotected": _("Instance “%(instance)s” has had no Complete backup for more than %(hours)d hours."),
    "event.host_offline": _("Host %(host)s is offline: its agent has stopped responding."),
    "event.storage_unwritable": _("Host %(host)s cannot write to the storage of the backups: %(reason)s."),
    "event.test": _("This is a test of the channel “%(channel)s”. It works."),
    "delivery.url": _("This is not a URL that Apprise understands."),
    "delivery.local": _("This URL is for programs or devices of this machine. Use a service on the network."),
    "delivery.address": _("The URL leads to a link-local address, which is not allowed."),
    "delivery.file": _("The URL needs a file or a program of this machine, which is not allowed."),
    "delivery.status": _("The receiver refused the message with the status %(status)d."),
    "delivery.tls": _("No TLS connection to the receiver is possible. Check its certificate and the URL."),
    "delivery.silent": _("The receiver did not answer in time."),
    "delivery.unreachable": _("The receiver cannot be reached. Check the URL and the network."),
    "delivery.failed": _("The receiver did not accept the message. Check the URL."),
    "delivery.crashed": _("The delivery ended unexpectedly."),
    "delivery.sealed": _(
        "The host %(host)s cannot read the URL because it lacks the key that encrypted it. "
        "Set the same CONSOLE_CREDENTIAL_KEYS for the web process and all agents."
    ),
    "delivery.too_old": _("It waited for too long."),
    "delivery.channel_off": _("The channel was turned off."),
}
