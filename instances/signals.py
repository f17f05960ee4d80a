"""The signal that notifies backups, which instances does not import."""

from django.dispatch import Signal

# Sent inside the transaction that marks an instance for deletion.
# Arguments: instance (Instance), requested_by (User or None).
instance_deleting = Signal()
