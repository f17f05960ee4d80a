"""The message that a delivery sends: in English, because its readers may use any language or none."""

from dataclasses import dataclass
from urllib.parse import urljoin

from django.conf import settings
from django.utils import translation

from console.notifications.choices import Level
from console.notifications.models import Delivery
from console.text.messages import Message

APP = "Document Database Console"
# Apprise's names for the levels.
_TYPES = {Level.INFO: "info", Level.WARNING: "warning", Level.ERROR: "failure"}


@dataclass(frozen=True)
class Outgoing:
    """What sender.py sends. `url` is secret."""

    url: str
    title: str
    body: str
    type: str
    app: str = APP


def outgoing(delivery: Delivery) -> Outgoing:
    """Return the delivery's message. Raises CannotUnseal."""
    with translation.override(settings.LANGUAGE_CODE):
        # Read the row again, because a stored message takes its language when it is read.
        read = Delivery.objects.shown().get(pk=delivery.pk)
        channel, event = read.channel, read.event
        if event is None:
            message, path = Message("event.test", channel=channel.name), channel.get_absolute_url()
            return Outgoing(channel.url, APP, _with_link(str(message), path), "info")
        return Outgoing(
            channel.url, event.shown_kind.heading, _with_link(event.message, event.path), _TYPES[event.level]
        )


def _with_link(sentence: str, path: str) -> str:
    return f"{sentence}\n{urljoin(settings.CONSOLE_URL, path)}" if settings.CONSOLE_URL and path else sentence
