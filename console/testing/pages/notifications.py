from playwright.sync_api import Page

from console.testing.dialogs import CreateChannelDialog, DeleteChannelDialog, EditChannelDialog, SendTestDialog
from console.testing.pages.list_page import ListPage
from console.testing.pages.row import Row


class ChannelRow(Row):
    def open(self) -> "ChannelPage":
        """Open the channel's page through its name."""
        link = self.root.get_by_role("link").first
        name = link.inner_text()
        link.click()
        return ChannelPage(self.page, name).shown()

    def send_test(self) -> None:
        self.press("Send Test")
        SendTestDialog(self.page).done()

    def edit(self) -> EditChannelDialog:
        return self.ask(EditChannelDialog)

    def delete(self) -> None:
        self.ask(DeleteChannelDialog).done()


class Notifications(ListPage):
    """The channels of notifications."""

    views = ("notifications:list",)
    path, heading = "/notifications/", "Notifications"

    def create_channel(self) -> CreateChannelDialog:
        self._press("Create Channel")
        return CreateChannelDialog(self.page)

    def row(self, name: str) -> ChannelRow:
        return ChannelRow(self.page, self._row(name))


class ChannelPage(ListPage):
    """One channel, with its deliveries. With the channel's id, open() loads the page."""

    views = ("notifications:detail",)

    def __init__(self, page: Page, name: str, id: str = "") -> None:
        super().__init__(page)
        self.heading = name
        self.path = f"/notifications/{id}/" if id else ""

    def delivery(self, text: str) -> Row:
        """Return the newest delivery that contains the text, such as an event's sentence or "Test"."""
        return Row(self.page, self.rows(text).first)
