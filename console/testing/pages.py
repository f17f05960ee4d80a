"""The pages, as tests meet them: found by role and label, waited for by what they show, never by time.

backups = BackupManagement(page).open()
backups.row("before-upgrade").expect_status("Complete")
"""

import re
from typing import Self
from urllib.parse import urljoin

from playwright.sync_api import Locator, Page, expect

from console.testing.dialogs import (
    CreateBackupDialog,
    CreateInstanceDialog,
    Dialog,
    EditDescriptionDialog,
    PolicyDialog,
    RestoreDialog,
)

# The end of work may take a while; an assertion ends as soon as it is true.
WORK_MILLISECONDS = 60_000


class SignIn:
    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, url: str) -> Self:
        """At the console's address."""
        self.page.goto(urljoin(url, "/sign-in/"))
        return self

    def submit(self, username: str, password: str) -> None:
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        # The menu with the own name, which is there at any width.
        expect(self.page.get_by_role("banner").get_by_role("button", name=username)).to_be_visible()


class ConsolePage:
    """A page of the console, for a user who has signed in."""

    path = "/"
    heading = ""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self) -> Self:
        self.page.goto(urljoin(self.page.url, self.path))
        return self.shown()

    def shown(self) -> Self:
        """Wait until it is there."""
        expect(self.page.get_by_role("heading", name=self.heading, level=1)).to_be_visible()
        return self

    def search(self, text: str) -> None:
        self.page.get_by_role("searchbox").fill(text)

    def expect_toast(self, text: str) -> None:
        """Wait until a message says so: of what was just asked for, or of work that has ended."""
        expect(self._toast(text)).to_be_visible(timeout=WORK_MILLISECONDS)

    def expect_no_toast(self, text: str) -> None:
        expect(self._toast(text)).to_have_count(0)

    def follow_toast(self, text: str) -> None:
        """Go to what the message is about."""
        self._toast(text).get_by_role("link").click()

    def close_toast(self, text: str) -> None:
        self._toast(text).get_by_role("button", name="Close").click()
        self.expect_no_toast(text)

    def expect_running(self, number: int) -> None:
        """Wait until the title of the browser's tab says how much of the user's work is in progress."""
        title = rf"^\({number}\) " if number else r"^(?!\()"
        expect(self.page).to_have_title(re.compile(title), timeout=WORK_MILLISECONDS)

    def expect_notice(self, text: str) -> None:
        """Wait until the page says so above everything else, as it does of an agent that is not heard of."""
        expect(self._notices()).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def expect_no_notice(self) -> None:
        expect(self._notices()).to_be_empty(timeout=WORK_MILLISECONDS)

    def _notices(self) -> Locator:
        return self.page.locator("#notices")

    def _toast(self, text: str) -> Locator:
        return self.page.get_by_role("status").locator("[data-toast]").filter(has_text=text)

    def _press(self, name: str) -> None:
        self.page.get_by_role("main").get_by_role("link", name=name, exact=True).or_(
            self.page.get_by_role("main").get_by_role("button", name=name, exact=True)
        ).first.click()

    def _row(self, name: str) -> Locator:
        """The newest row whose name is a link with this text."""
        link = self.page.get_by_role("link", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=link).first


class Row:
    """A row of a list. `id` and `status` are the API's: the attributes that README promises."""

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
        """Wait until the row shows the status, by its label."""
        expect(self.root.get_by_text(label, exact=True).first).to_be_visible(timeout=WORK_MILLISECONDS)

    def expect_text(self, text: str) -> None:
        """Wait until the row shows the text somewhere."""
        expect(self.root).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def expect_progress(self, *details: str) -> None:
        """Wait until the row has a bar of progress that says all this: bytes, speed, time left."""
        bar = self.root.get_by_role("progressbar")
        for detail in details or ("",):
            expect(bar).to_have_accessible_description(re.compile(re.escape(detail)), timeout=WORK_MILLISECONDS)

    def expect_gone(self) -> None:
        expect(self.root).to_have_count(0, timeout=WORK_MILLISECONDS)

    def press(self, name: str) -> None:
        """One of the row's own operations."""
        link = self.root.get_by_role("link", name=name, exact=True)
        link.or_(self.root.get_by_role("button", name=name, exact=True)).first.click()

    def choose(self, name: str) -> None:
        """An operation of the row's More menu."""
        self.root.get_by_role("button", name="More").click()
        self.page.get_by_role("menuitem", name=name, exact=True).click()

    def _confirmed(self, menu: str, title: str, confirm: str) -> None:
        self.choose(menu)
        Dialog(self.page, title, confirm).done()


class InstanceRow(Row):
    id_attribute = "data-instance-id"

    def create_backup(self) -> CreateBackupDialog:
        self.press("Create Backup")
        return CreateBackupDialog(self.page)

    def create_backup_from_menu(self) -> CreateBackupDialog:
        self.choose("Create Backup")
        return CreateBackupDialog(self.page)

    def open(self, name: str) -> "BasicInformation":
        self.root.get_by_role("link", name=name, exact=True).click()
        return BasicInformation(self.page).shown()

    def rename(self, name: str) -> None:
        self.choose("Rename")
        form = self.page.get_by_role("form", name="Rename DB Instance")
        form.get_by_label("DB Instance Name").fill(name)
        form.get_by_role("button", name="OK").click()
        expect(form).to_be_hidden()

    def restart(self) -> None:
        self._confirmed("Restart", "Restart DB Instance", "Yes")

    def delete(self) -> None:
        self._confirmed("Delete", "Delete DB Instance", "Yes")


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
        Dialog(self.page, "Cancel Backup", "Yes").done()

    def verify(self) -> None:
        self._confirmed("Verify", "Verify Backup", "Verify")

    def edit_description(self) -> EditDescriptionDialog:
        self.choose("Edit Description")
        return EditDescriptionDialog(self.page)

    def lock(self) -> None:
        self._confirmed("Lock", "Lock Backup", "Lock")

    def unlock(self) -> None:
        self._confirmed("Unlock", "Unlock Backup", "Unlock")

    def delete(self) -> None:
        self._confirmed("Delete", "Delete Backup", "Yes")


class TaskRow(Row):
    id_attribute = "data-task-id"


class Overview(ConsolePage):
    """The front page."""

    path, heading = "/", "Overview"

    def status(self, label: str) -> Locator:
        """The link with the number of instances that show the status."""
        return self.page.get_by_role("main").get_by_role("link", name=re.compile(rf"^[\d,]+ {re.escape(label)}$"))

    def today(self) -> Locator:
        """Today's column among the backups of the last days."""
        return self._chart("Backups of the last 14 days").get_by_role("link").last

    def expect_today(self, *, complete: int, failed: int = 0) -> None:
        """Wait until so many of today's backups have ended so."""
        name = re.compile(rf"Complete {complete:,}, Failed {failed:,}, Backing up 0$")
        expect(self.today()).to_have_accessible_name(name, timeout=WORK_MILLISECONDS)

    def row(self, instance: str) -> InstanceRow:
        """The instance among those that have gone longest without a backup."""
        rows = self.page.get_by_role("list", name="Last success per instance").get_by_role("listitem")
        return InstanceRow(self.page, rows.filter(has=self.page.get_by_role("link", name=instance, exact=True)))

    def failure(self, what: str) -> Locator:
        """The newest of what failed whose heading or reason has the text."""
        rows = self.page.get_by_role("list", name="What failed and why").get_by_role("listitem")
        return rows.filter(has_text=what).first

    def _chart(self, name: str) -> Locator:
        return self.page.get_by_role("group", name=name)


class InstanceManagement(ConsolePage):
    path, heading = "/instances/", "Instance Management"

    def row(self, name: str) -> InstanceRow:
        return InstanceRow(self.page, self._row(name))

    def create_instance(self) -> CreateInstanceDialog:
        self._press("Create DB Instance")
        return CreateInstanceDialog(self.page)


class BasicInformation(ConsolePage):
    """Of one instance; reached by its name in Instance Management."""

    heading = "Basic Information"

    def expect_down(self, text: str) -> None:
        """Wait until the page says that the server is down, and this of it."""
        said = self.page.get_by_role("main").get_by_role("paragraph").filter(has_text="The database server is down.")
        expect(said).to_contain_text(text, timeout=WORK_MILLISECONDS)

    def backups_and_restorations(self) -> "BackupsAndRestorations":
        navigation = self.page.get_by_role("navigation", name="Navigation")
        navigation.get_by_role("link", name="Backups & Restorations").click()
        return BackupsAndRestorations(self.page).shown()


class BackupList(ConsolePage):
    def row(self, name: str) -> BackupRow:
        return BackupRow(self.page, self._row(name))

    def create_backup(self) -> CreateBackupDialog:
        self._press("Create Backup")
        return CreateBackupDialog(self.page)


class BackupManagement(BackupList):
    path, heading = "/backups/", "Backup Management"

    def tab(self, name: str) -> None:
        """Clusters, Replica Sets, Single Nodes or All."""
        self.page.get_by_role("main").get_by_role("link", name=name, exact=True).click()


class BackupsAndRestorations(BackupList):
    """Of one instance; reached by its Basic Information."""

    heading = "Backups & Restorations"

    def modify_policy(self) -> PolicyDialog:
        self._press("Modify Backup Policy")
        return PolicyDialog(self.page)

    def restoration(self, backup: str) -> Row:
        table = self.page.get_by_role("table", name="Restorations")
        return Row(self.page, table.get_by_role("row").filter(has_text=backup).first)


class BackupDetail(ConsolePage):
    def __init__(self, page: Page, name: str) -> None:
        super().__init__(page)
        self.heading = name

    def expect_progress(self, *details: str) -> None:
        """Wait until the page shows a bar of progress, and all this beside it: bytes, speed, time left."""
        expect(self.page.get_by_role("progressbar")).to_be_visible()
        for detail in details:
            expect(self.fact("Status")).to_contain_text(detail, timeout=WORK_MILLISECONDS)

    def fact(self, term: str) -> Locator:
        """What stands beside the term, such as "Size"."""
        term_only = re.compile(rf"^\s*{re.escape(term)}\s*$")
        return self.page.get_by_role("term").filter(has_text=term_only).first.locator("xpath=following-sibling::dd[1]")


class TaskCenter(ConsolePage):
    path, heading = "/tasks/", "Task Center"

    def row(self, kind: str, instance: str) -> TaskRow:
        """The newest task of the kind, by its label, on the instance."""
        rows = self.page.get_by_role("row").filter(has_text=kind)
        return TaskRow(self.page, rows.filter(has=self.page.get_by_text(instance, exact=True)).first)


class Audit(ConsolePage):
    path, heading = "/audit/", "Audit"

    def row(self, trace: str, resource: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=trace).filter(has_text=resource).first


class Sessions(ConsolePage):
    path, heading = "/account/sessions/", "Sessions"


class Password(ConsolePage):
    path, heading = "/account/password/", "Change password"
