"""The guided start of an empty console, from the first instance to the first restoration."""

from playwright.sync_api import Page, expect

from console.testing.dialogs import ChooseBackupDialog, CreateBackupDialog, CreateInstanceDialog
from console.testing.pages import InstanceHome, Overview, SignIn
from tests.e2e.console import PASSWORD, Console

# An agent writes and copies the demo data at each step.
PATIENT = 120_000


def test_four_steps_lead_to_a_restored_backup(fresh_console: Console, page: Page) -> None:
    SignIn(page).open(fresh_console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    start = page.get_by_role("region", name="Try a backup and a restore")
    step = start.locator("[aria-current=step]")

    step.get_by_role("link", name="Create DB Instance").click()
    dialog = CreateInstanceDialog(page)
    expect(dialog.field("Fill it with demo data")).to_be_checked()
    dialog.submit(name="first")

    step.get_by_role("link", name="Create Backup").click(timeout=PATIENT)
    fresh_console.hooks.slow_next_backup(20_000_000)
    CreateBackupDialog(page).submit(name="first-backup")

    step.get_by_role("link", name="Watch the backup").click()
    home = InstanceHome(page, "first").shown()
    expect(home.list("In progress").get_by_role("progressbar")).to_be_visible()
    expect(home.fact("Last Backup")).to_contain_text("first-backup", timeout=PATIENT)

    overview.open()
    step.get_by_role("link", name="Restore...").click()
    ChooseBackupDialog(page).choose("first-backup").to_new("second")
    fresh_console.wait_available("second")
    overview.open()
    expect(start).to_have_count(0)
