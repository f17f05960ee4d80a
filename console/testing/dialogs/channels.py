"""The dialogs of notification channels."""

from typing import Self

from console.testing.dialogs.dialog import Dialog


class CreateChannelDialog(Dialog):
    views = ("notifications:create",)
    title = "Create Channel"

    def fill(self, *, name: str, url: str) -> Self:
        self.field("Name").fill(name)
        self.field("Apprise URL").fill(url)
        return self

    def events(self, *labels: str) -> Self:
        """Choose exactly these events, by label."""
        for box in self.root.get_by_role("group", name="Events").get_by_role("checkbox").all():
            box.uncheck()
        for label in labels:
            self.field(label).check()
        return self

    def submit(self, *, name: str, url: str) -> None:
        self.fill(name=name, url=url).done()


class EditChannelDialog(CreateChannelDialog):
    """The dialog that edits a channel. Without a URL, the channel keeps the one it has."""

    views = ("notifications:edit",)
    title = "Edit Channel"
    operation = "Edit"

    def enable(self, on: bool) -> Self:
        self.field("Enabled").set_checked(on)
        return self


class DeleteChannelDialog(Dialog):
    views = ("notifications:delete",)
    title, confirm = "Delete Channel", "Yes"
    operation = "Delete"


class SendTestDialog(Dialog):
    views = ("notifications:test",)
    title, confirm = "Send Test", "Send"
    operation = "Send Test"
