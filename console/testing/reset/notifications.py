"""The step of `manage.py reset` that removes the channels of notifications and what happened."""

from console.notifications.models import Channel, Delivery, Event
from console.testing.reset.instances import delete_in_parts


def empty() -> None:
    """Remove all channels, deliveries and events. Call this last, because emptying may report something."""
    delete_in_parts(Delivery.objects.all())
    delete_in_parts(Event.objects.all())
    delete_in_parts(Channel.objects.all())
