"""Page objects of the pages. They find elements by role and label, and wait for what a page shows, never for time.

backups = BackupManagement(page).open()
backups.row("before-upgrade").expect_status("Complete")
"""

import re
from pathlib import Path
from typing import ClassVar, NamedTuple, Self, TypeVar
from urllib.parse import urlencode, urljoin

from playwright.sync_api import Locator, Page, expect

from console.testing.dialogs import (
    CancelBackupDialog,
    CreateBackupDialog,
    CreateInstanceDialog,
    DeleteBackupDialog,
    DeleteBackupsDialog,
    DeleteInstanceDialog,
    Dialog,
    EditDescriptionDialog,
    KeysDialog,
    LockBackupDialog,
    PolicyDialog,
    ResetPasswordDialog,
    RestartInstanceDialog,
    RestoreDialog,
    UnlockBackupDialog,
    VerifyBackupDialog,
)

Asked = TypeVar("Asked", bound=Dialog)
Shown = TypeVar("Shown", bound="ConsolePage")

# Work may take a while to end. An assertion returns as soon as it is true.
WORK_MILLISECONDS = 60_000


class Exported(NamedTuple):
    """A list exported as a file, as the browser saved it."""

    name: str
    text: str


class SignIn:
    views: ClassVar[tuple[str, ...]] = ("sign-in",)
    # The labels in the language of the page.
    username, password, button = "Username", "Password", "Sign in"

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, url: str) -> Self:
        """Open the page at the console's address."""
        self.page.goto(urljoin(url, "/sign-in/"))
        return self

    def shown(self) -> Self:
        """Wait until the page shows its button."""
        expect(self.page.get_by_role("button", name=self.button)).to_be_visible()
        return self

    def choose_language(self, name: str) -> None:
        """Choose a language by its own name, such as "English"."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def attempt(self, username: str, password: str) -> None:
        """Submit the form, without waiting for the result: for credentials that will be rejected."""
        self.page.get_by_label(self.username).fill(username)
        self.page.get_by_label(self.password).fill(password)
        self.page.get_by_role("button", name=self.button).click()

    def expect_error(self, text: str) -> None:
        expect(self.page.get_by_role("alert").filter(has_text=text)).to_be_visible()

    def submit(self, username: str, password: str) -> None:
        self.attempt(username, password)
        # The user's menu is visible at any width.
        expect(self.page.get_by_role("banner").get_by_role("button", name=username)).to_be_visible()


class ConsolePage:
    """A page of the console, for a user who has signed in. `views` holds the names of its URLs."""

    views: ClassVar[tuple[str, ...]] = ()
    # If empty, the page has no fixed path: open() loads the browser's current page.
    path = ""
    heading = ""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, **query: str | int) -> Self:
        """Open the page with this query string, such as q="orders" or size=50 for a list."""
        self.page.goto(urljoin(self.page.url, self.path) + (f"?{urlencode(query)}" if query else ""))
        return self.shown()

    def shown(self) -> Self:
        """Wait until the page's heading is visible."""
        expect(self.page.get_by_role("heading", name=self.heading, level=1)).to_be_visible()
        return self

    def expect_text(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page shows the text anywhere in its main part."""
        expect(self.page.get_by_role("main").get_by_text(text).first).to_be_visible(timeout=WORK_MILLISECONDS)

    def go_to(self, kind: type[Shown]) -> Shown:
        """Go to another page through the navigation on the left, and return its page object."""
        navigation = self.page.get_by_role("navigation", name="Navigation")
        navigation.get_by_role("link", name=kind.heading, exact=True).click()
        return kind(self.page).shown()

    @property
    def user_menu(self) -> Locator:
        """Return the button that opens the user's menu."""
        return self.page.get_by_role("banner").get_by_role("button").last

    def choose_in_user_menu(self, name: str) -> None:
        """Choose Sessions, Change password, Keyboard shortcuts, Sign out or a language."""
        self.user_menu.click()
        self.user_menu_item(name).click()

    def user_menu_item(self, name: str) -> Locator:
        item = self.page.get_by_role("menuitem", name=name, exact=True)
        return item.or_(self.page.get_by_role("menuitemradio", name=name, exact=True))

    def show_keys(self) -> KeysDialog:
        self.choose_in_user_menu("Keyboard shortcuts")
        return KeysDialog(self.page)

    def expect_toast(self, text: str) -> None:
        """Wait until a toast shows the text: about the last request, or about work that has ended."""
        expect(self._toast(text)).to_be_visible(timeout=WORK_MILLISECONDS)

    def expect_no_toast(self, text: str) -> None:
        expect(self._toast(text)).to_have_count(0)

    def follow_toast(self, text: str) -> None:
        """Follow the toast's link."""
        self._toast(text).get_by_role("link").click()

    def close_toast(self, text: str) -> None:
        self._toast(text).get_by_role("button", name="Close").click()
        self.expect_no_toast(text)

    def expect_announced(self, text: str) -> None:
        """Wait until the page announces exactly this to screen readers; with empty text, until nothing is announced."""
        expect(self.page.locator("#announcer")).to_have_text(text)

    def expect_running(self, number: int) -> None:
        """Wait until the title of the browser's tab shows this number of the user's tasks in progress."""
        title = rf"^\({number}\) " if number else r"^(?!\()"
        expect(self.page).to_have_title(re.compile(title), timeout=WORK_MILLISECONDS)

    def expect_notice(self, text: str) -> None:
        """Wait until a notice at the top of the page shows the text, such as that an agent has stopped responding."""
        expect(self._notices()).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def expect_no_notice(self) -> None:
        expect(self._notices()).to_be_empty(timeout=WORK_MILLISECONDS)

    def _notices(self) -> Locator:
        return self.page.locator("#notices")

    def _toast(self, text: str) -> Locator:
        return self.page.get_by_role("status").locator("[data-toast]").filter(has_text=text)

    def _export(self, link: str) -> Exported:
        with self.page.expect_download() as download:
            self.page.get_by_role("main").get_by_role("link", name=link, exact=True).click()
        saved = Path(download.value.path())
        return Exported(download.value.suggested_filename, saved.read_text(encoding="utf-8-sig"))

    def _press(self, name: str) -> None:
        self.page.get_by_role("main").get_by_role("link", name=name, exact=True).or_(
            self.page.get_by_role("main").get_by_role("button", name=name, exact=True)
        ).first.click()

    def _row(self, name: str) -> Locator:
        """Return the newest row whose name is a link with this text."""
        link = self.page.get_by_role("link", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=link).first


class ListPage(ConsolePage):
    """A page with a list. Searching, filtering, sorting and paging do not leave the page."""

    def rows(self, text: str = "") -> Locator:
        """Return the rows that contain the text, without the table head."""
        cells = self.page.get_by_role("cell")
        return self.page.get_by_role("main").get_by_role("row").filter(has=cells).filter(has_text=text)

    @property
    def search_field(self) -> Locator:
        return self.page.get_by_role("searchbox")

    def search(self, text: str) -> None:
        self.search_field.fill(text)

    def filter_field(self, label: str) -> Locator:
        """Return a select field beside the search, such as "Status"."""
        return self.page.get_by_role("search").get_by_label(label, exact=True)

    def filter(self, label: str, choice: str) -> None:
        self.filter_field(label).select_option(label=choice)

    def more_filters(self) -> Locator:
        """Open the Filters menu, and return it. Find its fields by label."""
        self.page.get_by_role("button", name="Filters").click()
        return self.page.get_by_role("group", name="Filters")

    def clear(self) -> None:
        """Clear the search and all filters."""
        self.page.get_by_role("link", name="Clear").click()

    @property
    def refresh_button(self) -> Locator:
        return self.page.get_by_role("link", name="Refresh", exact=True)

    def refresh(self) -> None:
        self.refresh_button.click()

    def sort(self, column: str) -> None:
        self.page.get_by_role("columnheader", name=column).get_by_role("link").click()

    def expect_sorted(self, column: str, order: str) -> None:
        """Wait until the column's head has the order "ascending" or "descending"."""
        expect(self.page.get_by_role("columnheader", name=column)).to_have_attribute("aria-sort", order)

    def pager(self, to: str) -> Locator:
        """Return the link to the First, Previous, Next or Last page, or to a page size, such as "50"."""
        return self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=to, exact=True)

    def turn(self, to: str) -> None:
        self.pager(to).click()

    def tab_of(self, name: str) -> Locator:
        """Return the tab Clusters, Replica Sets, Single Nodes or All, if the list has tabs."""
        return self.page.get_by_role("main").get_by_role("link", name=name, exact=True)

    def tab(self, name: str) -> None:
        self.tab_of(name).click()

    def export(self) -> Exported:
        """Export the whole list as CSV."""
        return self._export("Export as CSV")


class Row:
    """A row of a list. `id` and `status` are the API's values, from the attributes that README.md documents."""

    id_attribute = ""

    def __init__(self, page: Page, root: Locator) -> None:
        self.page = page
        self.root = root

    @property
    def id(self) -> str:
        return self.root.get_attribute(self.id_attribute) or ""

    @property
    def status(self) -> str:
        return self.root.get_attribute("data-status") or ""

    def expect_status(self, label: str) -> None:
        """Wait until the row shows the status with this label."""
        expect(self.root.get_by_text(label, exact=True).first).to_be_visible(timeout=WORK_MILLISECONDS)

    def expect_text(self, text: str) -> None:
        """Wait until the row contains the text."""
        expect(self.root).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def expect_progress(self, *details: str) -> None:
        """Wait until the row has a progress bar with all these details, such as bytes, speed or time left."""
        bar = self.root.get_by_role("progressbar")
        expect(bar).to_be_visible(timeout=WORK_MILLISECONDS)
        for detail in details:
            expect(bar).to_have_accessible_description(re.compile(re.escape(detail)), timeout=WORK_MILLISECONDS)

    def expect_gone(self) -> None:
        expect(self.root).to_have_count(0, timeout=WORK_MILLISECONDS)

    def press(self, name: str) -> None:
        """Press one of the row's own operations."""
        self.operation(name).click()

    def operation(self, name: str) -> Locator:
        """Return one of the row's own operations, or its name: a link, or a button if it cannot be used now."""
        link = self.root.get_by_role("link", name=name, exact=True)
        return link.or_(self.root.get_by_role("button", name=name, exact=True)).first

    @property
    def more(self) -> Locator:
        """Return the button that opens the row's menu."""
        return self.root.get_by_role("button", name="More")

    def menu_item(self, name: str) -> Locator:
        """Return an operation of the open More menu. If it cannot be used now, its name ends with the reason."""
        return self.page.get_by_role("menuitem", name=re.compile(f"^{re.escape(name)}"))

    def choose(self, name: str) -> None:
        """Choose an operation of the row's More menu."""
        self.more.click()
        self.menu_item(name).click()

    def ask(self, dialog: type[Asked]) -> Asked:
        """Open the dialog through its operation in the More menu, and return the dialog."""
        self.choose(dialog.operation)
        return dialog(self.page)

    def expect_refused(self, name: str, reason: str) -> None:
        """Expect the operation in the More menu to be unavailable, with this reason."""
        self.more.click()
        item = self.menu_item(name)
        expect(item).to_have_attribute("aria-disabled", "true")
        expect(item).to_contain_text(reason)
        self.page.keyboard.press("Escape")


class InstanceRow(Row):
    id_attribute = "data-instance-id"

    def create_backup(self) -> CreateBackupDialog:
        self.press("Create Backup")
        return CreateBackupDialog(self.page)

    def create_backup_from_menu(self) -> CreateBackupDialog:
        return self.ask(CreateBackupDialog)

    def open(self, name: str) -> "BasicInformation":
        self.root.get_by_role("link", name=name, exact=True).click()
        return BasicInformation(self.page).shown()

    def edit_name(self) -> "RenameForm":
        # While the name is edited, the row cannot be found by it.
        row = self.page.locator(f'[data-instance-id="{self.id}"]')
        self.choose("Rename")
        return RenameForm(self.page, row)

    def rename(self, name: str) -> None:
        self.edit_name().submit(name)

    def restart(self) -> None:
        self.ask(RestartInstanceDialog).done()

    def reset_password(self) -> ResetPasswordDialog:
        return self.ask(ResetPasswordDialog)

    def delete(self) -> None:
        self.ask(DeleteInstanceDialog).done()


class RenameForm:
    """The form that edits an instance's name in place: in a row, or on Basic Information."""

    views: ClassVar[tuple[str, ...]] = ("instances:rename", "instances:name")

    def __init__(self, page: Page, within: Locator) -> None:
        self.page = page
        self.root = within.get_by_role("form", name="Rename DB Instance")
        self.name = self.root.get_by_label("DB Instance Name")
        expect(self.name).to_be_focused()

    def submit(self, name: str) -> None:
        self.attempt(name)
        expect(self.page.get_by_role("link", name=name, exact=True).first).to_be_visible()

    def attempt(self, name: str) -> None:
        """Submit the form, without waiting for the result: for names that will be rejected."""
        self.name.fill(name)
        self.name.press("Enter")

    def expect_error(self, message: str) -> None:
        expect(self.root.get_by_role("listitem").filter(has_text=message)).to_be_visible()

    def escape(self) -> None:
        self.name.press("Escape")
        expect(self.root).to_have_count(0)


class BackupRow(Row):
    id_attribute = "data-backup-id"

    def open(self, name: str) -> "BackupDetail":
        self.root.get_by_role("link", name=name, exact=True).click()
        return BackupDetail(self.page, name).shown()

    def restore(self) -> RestoreDialog:
        self.press("Restore")
        return RestoreDialog(self.page)

    def cancel(self) -> None:
        self.press("Cancel")
        CancelBackupDialog(self.page).done()

    def verify(self) -> None:
        self.ask(VerifyBackupDialog).done()

    def edit_description(self) -> EditDescriptionDialog:
        return self.ask(EditDescriptionDialog)

    def lock(self) -> None:
        self.ask(LockBackupDialog).done()

    def unlock(self) -> None:
        self.ask(UnlockBackupDialog).done()

    def delete(self) -> None:
        self.ask(DeleteBackupDialog).done()


class RestorationRow(Row):
    id_attribute = "data-restoration-id"


class TaskRow(Row):
    id_attribute = "data-task-id"


class Overview(ConsolePage):
    """The front page."""

    views = ("home",)
    path, heading = "/", "Overview"

    def status(self, label: str) -> Locator:
        """Return the link with the number of instances that have the status."""
        return self.page.get_by_role("main").get_by_role("link", name=re.compile(rf"^[\d,]+ {re.escape(label)}$"))

    def today(self) -> Locator:
        """Return today's column in the chart of the last days' backups."""
        return self._chart("Backups of the last 14 days").get_by_role("link").last

    def expect_today(self, *, complete: int, failed: int = 0) -> None:
        """Wait until these numbers of today's backups are Complete and Failed."""
        name = re.compile(rf"Complete {complete:,}, Failed {failed:,}, Backing up 0$")
        expect(self.today()).to_have_accessible_name(name, timeout=WORK_MILLISECONDS)

    def row(self, instance: str) -> InstanceRow:
        """Return the instance's row in the list of instances that have gone longest without a backup."""
        rows = self.page.get_by_role("list", name="Last success per instance").get_by_role("listitem")
        return InstanceRow(self.page, rows.filter(has=self.page.get_by_role("link", name=instance, exact=True)))

    def failure(self, what: str) -> Locator:
        """Return the newest failure whose heading or reason contains the text."""
        rows = self.page.get_by_role("list", name="What failed and why").get_by_role("listitem")
        return rows.filter(has_text=what).first

    def as_table(self, name: str) -> Locator:
        """Unfold the table below the chart, such as "Backups of the last 14 days", and return it."""
        table = self.page.get_by_role("table", name=name, include_hidden=True)
        self.page.get_by_role("figure").filter(has=table).get_by_text("As a table").click()
        return table

    def _chart(self, name: str) -> Locator:
        return self.page.get_by_role("group", name=name)


class InstanceManagement(ListPage):
    views = ("instances:list",)
    path, heading = "/instances/", "Instance Management"

    def row(self, name: str) -> InstanceRow:
        return InstanceRow(self.page, self._row(name))

    def create_instance(self) -> CreateInstanceDialog:
        self._press("Create DB Instance")
        return CreateInstanceDialog(self.page)


class FactsPage(ConsolePage):
    """A page with the facts about one object."""

    def fact(self, term: str) -> Locator:
        """Return the value beside the term, such as "Size"."""
        term_only = re.compile(rf"^\s*{re.escape(term)}\s*$")
        return self.page.get_by_role("term").filter(has_text=term_only).first.locator("xpath=following-sibling::dd[1]")


class BasicInformation(FactsPage):
    """The page of one instance. Follow its name in Instance Management, or open the page with the instance's id."""

    views = ("instances:detail",)
    heading = "Basic Information"

    def __init__(self, page: Page, instance_id: str = "") -> None:
        super().__init__(page)
        self.path = f"/instances/{instance_id}/" if instance_id else ""

    def edit_name(self) -> RenameForm:
        self.page.get_by_role("main").get_by_role("button", name=re.compile("^Rename ")).click()
        return RenameForm(self.page, self.page.get_by_role("main"))

    def reset_password(self) -> ResetPasswordDialog:
        self.page.get_by_role("main").get_by_role("link", name="Reset Password", exact=True).click()
        return ResetPasswordDialog(self.page)

    @property
    def connection_string(self) -> str:
        """Return the connection string, which has the user but no password."""
        return self.fact("Connection String").get_by_role("code").inner_text()

    def expect_down(self, text: str) -> None:
        """Wait until the page shows that the server is down, with this text."""
        said = self.page.get_by_role("main").get_by_role("paragraph").filter(has_text="The database server is down.")
        expect(said).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def backups_and_restorations(self) -> "BackupsAndRestorations":
        navigation = self.page.get_by_role("navigation", name="Navigation")
        navigation.get_by_role("link", name="Backups & Restorations").click()
        return BackupsAndRestorations(self.page).shown()

    def tasks(self) -> "TaskCenter":
        """Open Task Center with only this instance's tasks."""
        navigation = self.page.get_by_role("navigation", name="Navigation")
        navigation.get_by_role("link", name="Tasks of this instance").click()
        return TaskCenter(self.page).shown()


class BackupList(ListPage):
    def row(self, name: str) -> BackupRow:
        return BackupRow(self.page, self._row(name))

    def create_backup(self) -> CreateBackupDialog:
        self._press("Create Backup")
        return CreateBackupDialog(self.page)

    def box(self, name: str) -> Locator:
        """Return the checkbox that selects the row; for "all", the checkbox in the table head."""
        return self.page.get_by_role("checkbox", name=f"Select {name}", exact=True)

    def tick(self, *names: str) -> None:
        for name in names:
            self.box(name).check()

    @property
    def delete_button(self) -> Locator:
        """Return the button that deletes the selected backups."""
        return self.page.get_by_role("form", name="Selected backups").get_by_role("button", name="Delete")

    def delete_selected(self) -> DeleteBackupsDialog:
        self.delete_button.click()
        return DeleteBackupsDialog(self.page)


class BackupManagement(BackupList):
    views = ("backups:list",)
    path, heading = "/backups/", "Backup Management"


class BackupsAndRestorations(BackupList):
    """The backups and restorations of one instance. Open the page from Basic Information, or with the instance's id."""

    views = ("backups:instance",)
    heading = "Backups & Restorations"

    def __init__(self, page: Page, instance_id: str = "") -> None:
        super().__init__(page)
        self.path = f"/instances/{instance_id}/backups/" if instance_id else ""

    def modify_policy(self) -> PolicyDialog:
        self._press("Modify Backup Policy")
        return PolicyDialog(self.page)

    def restoration(self, backup: str) -> RestorationRow:
        table = self.page.get_by_role("table", name="Restorations")
        return RestorationRow(self.page, table.get_by_role("row").filter(has_text=backup).first)


class BackupDetail(FactsPage):
    """The page of one backup. Follow its name in a list, or open the page with the backup's id."""

    views = ("backups:detail",)

    def __init__(self, page: Page, name: str, backup_id: str = "") -> None:
        super().__init__(page)
        self.heading = name
        self.path = f"/backups/{backup_id}/" if backup_id else ""

    @property
    def backup(self) -> BackupRow:
        """Return the backup's id, status and operations as if they were a row of a list."""
        return BackupRow(self.page, self.page.get_by_role("region", name=self.heading, exact=True))

    def expect_progress(self, *details: str) -> None:
        """Wait until the page has a progress bar beside all these details, such as bytes, speed or time left."""
        expect(self.page.get_by_role("progressbar")).to_be_visible()
        for detail in details:
            expect(self.fact("Status")).to_contain_text(detail, timeout=WORK_MILLISECONDS)


class TaskCenter(ListPage):
    views = ("instances:tasks",)
    path, heading = "/tasks/", "Task Center"

    def row(self, kind: str, instance: str) -> TaskRow:
        """Return the newest task on the instance whose kind has this label."""
        rows = self.page.get_by_role("row").filter(has_text=kind)
        return TaskRow(self.page, rows.filter(has=self.page.get_by_text(instance, exact=True)).first)


class Audit(ListPage):
    views = ("audit",)
    path, heading = "/audit/", "Audit"

    @property
    def search_field(self) -> Locator:
        return self.filter_field("Resource name or ID")

    def row(self, trace: str, resource: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=trace).filter(has_text=resource).first

    def filter(self, label: str, value: str) -> None:
        """Fill in a field above the list, such as ("Resource name or ID", "orders")."""
        field = self.page.get_by_role("search").get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")

    def filter_outcome(self, label: str) -> None:
        """Filter by Succeeded, Refused, Failed or All outcomes."""
        self.page.get_by_role("search").get_by_label("Outcome", exact=True).select_option(label=label)

    def export(self) -> Exported:
        """Export the filtered events as CSV."""
        return self._export("Export")


class Sessions(ConsolePage):
    """The list of the user's sessions."""

    views = ("sessions",)
    path, heading = "/account/sessions/", "Sessions"

    def row(self, browser: str) -> Locator:
        """Return the row of the newest session of the browser, such as "Firefox"."""
        return self.page.get_by_role("row").filter(has_text=browser).first

    def end(self, browser: str) -> None:
        """End the newest session of the browser."""
        self.row(browser).get_by_role("button", name="End", exact=True).click()
        self.expect_toast("The session has ended.")

    def end_all_others(self) -> None:
        self.page.get_by_role("button", name="End all others").click()
        self.expect_toast("ended.")


class Password(ConsolePage):
    views = ("password-change",)
    path, heading = "/account/password/", "Change password"

    def attempt(self, *, old: str, new: str, again: str = "") -> None:
        """Submit the form, without waiting for the result: for input that will be rejected."""
        for label, value in (("Old password", old), ("New password", new), ("New password confirmation", again or new)):
            self.page.get_by_label(label, exact=True).fill(value)
        self._press("Change password")

    def change(self, *, old: str, new: str) -> None:
        self.attempt(old=old, new=new)
        self.expect_toast("The password is changed.")

    def expect_error(self, label: str, message: str) -> None:
        """Wait until the field is described by the message."""
        field = self.page.get_by_label(label, exact=True)
        expect(field).to_have_accessible_description(re.compile(re.escape(message)))
