"""Actions on channels, one function each, and marking the bell's events as read."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from console.accounts.roles import Permission
from console.audit.audited import accept_edit, audited
from console.notifications.choices import EventKind, Level
from console.notifications.courier import give_up_waiting
from console.notifications.models import BellRead, Channel, Delivery
from console.text.changes import Values
from console.web.submitted_once import once


@audited("consoleCreateChannel", needs=Permission.MANAGE_CHANNELS, resource="channel")
@once(Channel)
def create_channel(
    *,
    name: str,
    url: str,
    events: Sequence[EventKind],
    minimum: Level,
    enabled: bool = True,
    requested_by: User | None,
    request_key: UUID | None = None,
) -> Channel:
    """Create a channel. Raises ValidationError if the name breaks a rule."""
    channel = Channel(name=name, events=list(events), minimum=minimum, enabled=enabled, request_key=request_key)
    channel.url = url
    channel.full_clean(exclude=["request_key"], validate_constraints=False)
    channel.save(force_insert=True)
    return channel


@audited("consoleEditChannel", needs=Permission.MANAGE_CHANNELS, resource="channel")
def edit_channel(
    *,
    channel: Channel,
    name: str,
    events: Sequence[EventKind],
    minimum: Level,
    enabled: bool,
    url: str = "",
    opened_with: Values | None = None,
    requested_by: User | None,
) -> None:
    """Change the channel; an empty URL keeps the present one. What waits for a channel turned off is given up.

    Raises Changed if the channel differs from `opened_with`, ValidationError if the name breaks a rule.
    """
    with transaction.atomic():
        locked = Channel.objects.select_for_update().get(pk=channel.pk)
        before = locked.editable
        locked.name, locked.events, locked.minimum, locked.enabled = name, list(events), minimum, enabled
        locked.full_clean(validate_constraints=False)
        after = locked.editable
        if url:
            # The audit says that the URL was changed, but not what it was.
            before = {**before, "label.channel_url": ["label.url_old"]}
            after = {**after, "label.channel_url": ["label.url_new"]}
            locked.url = url
            opened_with = None if opened_with is None else {**opened_with, "label.channel_url": ["label.url_old"]}
        accept_edit(before=before, after=after, opened_with=opened_with)
        locked.save()
        if not enabled:
            give_up_waiting(locked.pk)


@audited("consoleDeleteChannel", needs=Permission.MANAGE_CHANNELS, resource="channel")
def delete_channel(*, channel: Channel, requested_by: User | None) -> None:
    """Delete the channel with its URL and its deliveries."""
    Channel.objects.filter(pk=channel.pk).delete()


@audited("consoleTestChannel", needs=Permission.MANAGE_CHANNELS, resource="channel")
def send_test(*, channel: Channel, requested_by: User | None) -> Delivery:
    """Queue a test message, which an agent sends. It is tried once."""
    return Delivery.objects.create(channel=channel)


def mark_read(*, user: User, until: int) -> None:
    """Record that the user has read all events up to the one with this id. An older tab changes nothing."""
    read, _new = BellRead.objects.get_or_create(user=user)
    BellRead.objects.filter(pk=read.pk, until__lt=until).update(until=until)
