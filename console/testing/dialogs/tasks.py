"""The dialogs of the Task Center and of the storage."""

from console.testing.dialogs.dialog import Dialog


class RetryTaskDialog(Dialog):
    views = ("backups:task-retry",)
    title, confirm = "Retry Task", "Retry"
    operation = "Retry"


class StorageTestDialog(Dialog):
    views = ("storage-test",)
    title, confirm = "Test Storage", "Test"
    operation = "Test"
