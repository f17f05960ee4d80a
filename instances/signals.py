"""The one signal: the arrow backups -> instances needs it, or deleting an instance would have to know backups."""

from django.dispatch import Signal

# Sent inside the transaction that marks an instance for deletion.
# Arguments: instance (Instance), requested_by (User or None).
instance_deleting = Signal()
