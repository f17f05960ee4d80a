"""Every page object of console.testing, used once on the real pages."""

import pytest
from playwright.sync_api import Browser, Page, expect

from console.testing import dialogs, pages
from tests.e2e.console import Console


@pytest.fixture
def backed_up(console: Console) -> str:
    """The name of an instance that has a backup of the same name."""
    name = "page-objects"
    if not console.instance(name):
        instance = console.create_instance(name)
        console.create_backup(instance["id"], name)
        console.wait_backup(name)
        console.wait_available(name)
    return name


@pytest.mark.parametrize(
    "kind",
    [
        pages.Overview,
        pages.InstanceManagement,
        pages.BackupManagement,
        pages.TaskCenter,
        pages.Audit,
        pages.Users,
        pages.Settings,
        pages.Notifications,
        pages.Sessions,
        pages.Password,
    ],
)
def test_a_page_opens(signed_in_page: Page, kind: type[pages.ConsolePage]) -> None:
    kind(signed_in_page).open()


def test_an_instance_is_restarted_renamed_and_deleted(signed_in_page: Page, console: Console) -> None:
    instance = console.create_instance("to-rename")
    page = pages.InstanceManagement(signed_in_page).open()
    row = page.row("to-rename")
    assert (row.id, row.status) == (instance["id"], "normal")
    row.restart()
    row.expect_status("Available")
    row.rename("renamed-now")
    row = page.row("renamed-now")
    row.expect_status("Available")
    row.delete()
    row.expect_gone()
    pages.TaskCenter(signed_in_page).open().row("Restart instance", "to-rename").expect_status("Completed")
    expect(pages.Audit(signed_in_page).open().row("ddsRestartInstance", "to-rename")).to_contain_text("admin")


def test_a_backup_is_verified_locked_described_and_deleted(signed_in_page: Page, backed_up: str) -> None:
    backups = pages.InstanceManagement(signed_in_page).open().row(backed_up).open(backed_up).backups_and_restorations()
    row = backups.row(backed_up)
    assert row.status == "COMPLETED" and row.id.endswith("br02")
    row.verify()
    row.expect_text("Verified")
    row.edit_description().submit("Kept for the audit")
    row.expect_text("Kept for the audit")
    row.lock()
    row.unlock()
    detail = row.open(backed_up)
    expect(detail.fact("Backup Type")).to_have_text("Manual")
    page = pages.BackupManagement(signed_in_page).open()
    page.tab("Replica Sets")
    page.search(backed_up)
    page.row(backed_up).delete()
    page.row(backed_up).expect_gone()


def test_a_backup_is_restored_to_new_and_to_original(signed_in_page: Page, console: Console) -> None:
    instance = console.create_instance("there-and-back")
    console.create_backup(instance["id"], "there-and-back")
    console.wait_backup("there-and-back")
    console.wait_available("there-and-back")
    page = pages.BackupManagement(signed_in_page).open()
    page.row("there-and-back").restore().to_new("there-and-new")
    console.wait_available("there-and-new")
    console.wait_available("there-and-back")
    page.open().row("there-and-back").restore().to_original("there-and-back", safety_backup=False)
    instances = pages.InstanceManagement(signed_in_page).open()
    instances.row("there-and-back").expect_status("Available")
    own = instances.row("there-and-back").open("there-and-back").backups_and_restorations()
    own.restoration("there-and-back").expect_status("Complete")
    policy = own.modify_policy().turn(True).keep(0).press()
    policy.expect_error("Retention Period (days)", "1 to 732")
    policy.cancel()


def test_the_storage_is_tested(signed_in_page: Page) -> None:
    settings = pages.Settings(signed_in_page).open()
    settings.test_storage("local")
    settings.expect_tested("local", "Completed")


def test_a_user_is_created_changed_and_deactivated(signed_in_page: Page) -> None:
    users = pages.Users(signed_in_page).open()
    dialog = users.create_user().fill(name="made-by-objects", role="Backup operator")
    assert len(dialog.generate()) >= 16
    dialog.done()
    row = users.row("made-by-objects")
    row.expect_text("Backup operator")
    row.change_role("Read-only")
    row.expect_text("Read-only")
    row.ask(dialogs.ResetUserPasswordDialog).type_password("battery staple 7").done()
    row.expect_refused("End Sessions", "This user is not signed in anywhere.")
    row.ask(dialogs.DeactivateUserDialog).done()
    row.expect_text("Inactive")
    assert row.status == "inactive"
    row.ask(dialogs.ActivateUserDialog).done()
    users.expect_toast("User made-by-objects is active.")
    assert "made-by-objects,Read-only,Active" in users.export().text


def test_the_shortcuts_are_shown_and_turned_off(signed_in_page: Page) -> None:
    pages.InstanceManagement(signed_in_page).open()
    signed_in_page.keyboard.press("?")
    dialogs.KeysDialog(signed_in_page).turn(False).escape()


def test_an_account_changes_its_password_and_ends_its_sessions(console: Console, browser: Browser) -> None:
    said = console.manage("user", "objects", "--role", "read-only")
    password = said.split("Password:")[1].split()[0]
    page, other = (browser.new_context().new_page() for _ in range(2))
    for each in (page, other):
        pages.SignIn(each).open(console.url).submit("objects", password)
    sessions = pages.Sessions(page).open()
    sessions.end_all_others()
    other.reload()
    pages.SignIn(other).shown()
    form = pages.Password(page).open()
    form.attempt(old=password, new="short", again="other")
    form.expect_error("New password confirmation", "didn’t match")
    form.change(old=password, new="battery staple 7")
