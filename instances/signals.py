"""Signals to backups, which instances does not import."""

from django.dispatch import Signal

# Sent inside the transaction that marks an instance for deletion.
# Arguments: instance (Instance), job (Job, which deletes it), final_backup (True if the job first has to back it up).
instance_deleting = Signal()

# Sent when the dialog shows what deleting an instance means. Receivers return HTML about what else is deleted or kept.
# Arguments: instance (Instance).
deletion_explained = Signal()

# Sent when a list shows instances. Receivers return a PlannedBackup (see plans.py) by instance id, with one query.
# Arguments: instances (a sequence of Instance).
backups_planned = Signal()
