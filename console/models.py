"""The models of this app's packages, imported where Django looks for them."""

from console.accounts.models import FailedAttempts, UserPreferences, UserSession
from console.audit.models import AuditEvent
from console.testing.models import HookState

__all__ = ["AuditEvent", "FailedAttempts", "HookState", "UserPreferences", "UserSession"]
