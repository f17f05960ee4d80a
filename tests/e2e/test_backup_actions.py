"""Actions on the rows of the backup lists, in a real browser with real archives."""

from playwright.sync_api import Page, expect

from console.testing.dialogs import DeleteBackupDialog
from console.testing.pages import BackupManagement, BackupsAndRestorations
from tests.e2e.console import Console
from tests.waiting import wait_for


def test_a_cancelled_backup_leaves_nothing_behind(signed_in_page: Page, console: Console) -> None:
    instance = console.create_instance("to-be-cancelled")
    console.hooks.slow_next_backup(1_000_000)
    console.create_backup(instance["id"], "unwanted")
    row = BackupsAndRestorations(signed_in_page, instance["id"]).open().row("unwanted")
    wait_for(lambda: console.job_of("unwanted")["status"] == "Running", because="the backup running")
    row.cancel()
    row.expect_status("Cancelled")
    row.expect_text("cancelled by admin")

    console.wait_available("to-be-cancelled")
    backup, job = console.backup("unwanted"), console.job_of("unwanted")
    assert (job["status"], job["failure"]) == ("Cancelled", "cancelled by admin")
    wait_for(lambda: not [name for name in console.stored() if backup["id"] in name], because="no archive")
    again = console.post(f"/backups/{backup['id']}/cancel/", {})
    assert again.status == 422 and "Only a running backup can be cancelled. This one is: Cancelled." in again.text
    console.create_backup(instance["id"], "wanted")
    console.wait_backup("wanted")


def test_the_selection_survives_a_refresh_and_is_deleted_with_its_archives(
    signed_in_page: Page, console: Console
) -> None:
    instance = console.create_instance("with-a-selection")
    for name in ("first-to-go", "second-to-go", "to-be-kept"):
        console.create_backup(instance["id"], name)
        console.wait_backup(name)
        console.wait_available("with-a-selection")
    console.hooks.slow_next_backup(4_000_000)
    console.create_backup(instance["id"], "still-running")
    page = signed_in_page
    backups = BackupsAndRestorations(page, instance["id"]).open()
    expect(backups.box("still-running")).to_be_disabled()
    backups.tick("all")
    backups.box("to-be-kept").uncheck()
    backups.row("still-running").expect_status("Complete")
    for name in ("first-to-go", "second-to-go"):
        expect(backups.box(name)).to_be_checked()
    for name in ("to-be-kept", "still-running"):
        expect(backups.box(name)).not_to_be_checked()
    archives = [console.archive(console.backup(name)) for name in ("first-to-go", "second-to-go")]
    assert all(path.exists() for path in archives)

    dialog = backups.delete_selected().expect_text("2 backups")
    expect(dialog.root).not_to_contain_text("to-be-kept")
    dialog.done()
    for name in ("first-to-go", "second-to-go"):
        backups.row(name).expect_gone()
    assert not any(path.exists() for path in archives)
    assert console.archive(console.backup("to-be-kept")).exists()


def test_a_backup_is_described_locked_unlocked_and_deleted_from_its_menu(
    signed_in_page: Page, console: Console
) -> None:
    instance = console.create_instance("with-a-menu", "Single")
    console.create_backup(instance["id"], "many-things")
    backup = console.wait_backup("many-things")
    row = BackupManagement(signed_in_page).open().row("many-things")
    locked = row.root.get_by_title("Locked", exact=True)
    row.edit_description().submit("Kept for the audit")
    row.expect_text("Kept for the audit")
    row.lock()
    expect(locked).to_be_visible()
    row.expect_refused("Delete", "This backup is locked. Unlock it first.")
    row.unlock()
    expect(locked).to_have_count(0)
    row.ask(DeleteBackupDialog).expect_text("permanently deleted").done()
    row.expect_gone()
    assert not console.archive(backup).exists()
