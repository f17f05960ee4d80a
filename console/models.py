"""The models of this app's packages, imported where Django looks for them."""

from console.accounts.models import FailedAttempts, UserPreferences, UserSession
from console.audit.models import AuditEvent
from console.notifications.models import BellRead, Channel, Delivery, Event
from console.testing.models import HookState

__all__ = [
    "AuditEvent",
    "BellRead",
    "Channel",
    "Delivery",
    "Event",
    "FailedAttempts",
    "HookState",
    "UserPreferences",
    "UserSession",
]
