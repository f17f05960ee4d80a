"""Event: what happened. Channel: a receiver. Delivery: one message to a channel. BellRead: who has read what."""

from collections.abc import Callable
from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from console.notifications.choices import DeliveryStatus, EventKind, Level
from console.processes import secrets
from console.text.changes import Values
from console.text.description_rule import NoneOfValidator, VisibleValidator
from console.text.ids import new_id
from console.text.messages import TEXTS
from console.text.messages.fields import MessageField

CHANNEL_NAME_MAX_LENGTH = 64
channel_name_validators: list[Callable[[Any], None]] = [
    MaxLengthValidator(CHANNEL_NAME_MAX_LENGTH, TEXTS["rule.too_long"]),
    VisibleValidator(),
    NoneOfValidator("><!\"&'="),
]


def new_channel_id() -> str:
    return new_id("nc02")


class Channel(models.Model):
    """A receiver of notifications. Its URL has passwords and tokens, so it is encrypted and never shown."""

    id = models.CharField(primary_key=True, max_length=36, default=new_channel_id, editable=False)
    name = models.CharField(max_length=CHANNEL_NAME_MAX_LENGTH, validators=channel_name_validators)
    # The encrypted URL, and its part before "://".
    sealed_url = models.TextField(editable=False)
    scheme = models.CharField(max_length=32, editable=False)
    # The values of EventKind about which the channel is notified.
    events = models.JSONField(default=list)
    minimum = models.CharField(max_length=16, choices=Level.choices, default=Level.INFO)
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    # The id of the dialog that created the channel: submitting the dialog twice creates one channel.
    request_key = models.UUIDField(null=True, blank=True, unique=True, editable=False)

    class Meta:
        ordering = ["name", "created"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("notifications:detail", args=[self.pk])

    @property
    def url(self) -> str:
        """The URL in clear. Raises CannotUnseal if this process lacks the key."""
        return secrets.unseal(self.sealed_url, purpose=self.pk)

    @url.setter
    def url(self, url: str) -> None:
        self.sealed_url = secrets.seal(url, purpose=self.pk)
        self.scheme = url.partition("://")[0].lower()[:32]

    @property
    def shown_url(self) -> str:
        """The part of the URL that may be shown: nothing after the scheme."""
        return f"{self.scheme}://…"

    @property
    def kinds(self) -> list[EventKind]:
        return [kind for kind in EventKind if kind.value in self.events]

    @property
    def shown_events(self) -> str:
        return ", ".join(kind.choice for kind in self.kinds)

    @property
    def level(self) -> Level:
        return Level(self.minimum)

    @property
    def editable(self) -> Values:
        """The values that users can edit, without the URL."""
        return {
            "label.channel_name": self.name,
            "label.channel_events": [kind.label_code for kind in self.kinds],
            "label.channel_minimum": self.minimum,
            "label.channel_enabled": self.enabled,
        }

    def wants(self, kind: EventKind) -> bool:
        """Return whether the channel is notified of events of this kind."""
        return self.enabled and kind in self.kinds and self.level.includes(kind.level)


class Event(models.Model):
    """Something that happened, with a sentence that says what, and the path of the page about it."""

    time = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=32)
    message = MessageField()
    path = models.CharField(max_length=255, blank=True)
    # Names a condition while it lasts, such as the outage of a host, so that it is reported once.
    lasting = models.CharField(max_length=128, null=True, blank=True, unique=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["time"], name="event_by_time")]
        constraints = [models.CheckConstraint(condition=Q(kind__in=EventKind.values), name="event_kind_known")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def shown_kind(self) -> EventKind:
        return EventKind(self.kind)

    @property
    def level(self) -> Level:
        return self.shown_kind.level


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def shown(self) -> Self:
        """Join what a list shows of each delivery."""
        return self.select_related("event", "channel")

    def unended(self) -> Self:
        return self.filter(status__in=[status for status in DeliveryStatus if status.in_progress])


class Delivery(models.Model):
    """One message to one channel, about an event or, without one, a test. An agent that sends it writes its `token`."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries")
    created = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # The next attempt; null once the delivery has ended.
    due = models.DateTimeField(null=True, blank=True, default=timezone.now)
    ended = models.DateTimeField(null=True, blank=True)
    # Why the last attempt failed.
    failure = MessageField(blank=True)
    token = models.UUIDField(null=True, blank=True, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(
                fields=["channel", "id"], condition=Q(status__in=["waiting", "sending"]), name="delivery_queue"
            ),
            models.Index(fields=["channel", "-created", "-id"], name="delivery_newest"),
            models.Index(fields=["channel", "status", "-created", "-id"], name="delivery_newest_of_status"),
            models.Index(fields=["created"], name="delivery_by_time"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DeliveryStatus.values), name="delivery_status_known")
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.pk}"

    @property
    def shown_status(self) -> DeliveryStatus:
        return DeliveryStatus(self.status)


class BellRead(models.Model):
    """The newest event that a user had seen when they last marked all as read."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+")
    until = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id} {self.until}"
