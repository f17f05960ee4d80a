"""Screen reader announcements after a refresh: each status change once, with the name, and nothing else."""

from playwright.sync_api import Page

from console.testing.pages import BackupManagement, BasicInformation, ConsolePage
from tests.e2e.stage import Stage

# Records every announcement of a polite live region.
LISTEN = """
window.heard = [];
new MutationObserver((records) => {
  for (const { target, addedNodes } of records) {
    const region = (target.closest ? target : target.parentElement)?.closest("[role=status], [aria-live=polite]");
    if (region) for (const node of addedNodes) if (node.textContent.trim()) window.heard.push(node.textContent.trim());
  }
}).observe(document.body, { subtree: true, childList: true, characterData: true });
"""


def listen(shown: ConsolePage, **query: str) -> None:
    # Skip the page's own announcements on opening, which are not changes in a list.
    with shown.page.expect_response("**/activity/**"):
        shown.open(**query)
    shown.page.evaluate(LISTEN)


def refresh(backups: BackupManagement) -> None:
    with backups.page.expect_response("**/backups/**"):
        backups.refresh()


def test_a_changed_status_is_announced_once_with_the_name(staged_page: Page, stage: Stage) -> None:
    page, console = staged_page, stage.console
    backups = BackupManagement(page)
    listen(backups, q="rows-many-00")
    try:
        refresh(backups)
        console.backups.change({"name": "rows-many-00"}, status="FAILED")
        refresh(backups)
        backups.expect_announced("rows-many-00: Failed.")
        refresh(backups)
        backups.expect_announced("")
        heard = page.evaluate("window.heard")
        assert [text for text in heard if "rows-" in text] == ["rows-many-00: Failed."]
    finally:
        console.backups.change({"name": "rows-many-00"}, status="COMPLETED")


def test_a_change_reported_by_a_toast_is_not_announced_again(staged_page: Page, stage: Stage) -> None:
    page, console = staged_page, stage.console
    backups = BackupManagement(page)
    changed = {"name": ("rows-many-01", "rows-many-02")}
    listen(backups, q="rows-many-0")
    try:
        console.backups.change(changed, status="FAILED")
        refresh(backups)
        toast = "new CustomEvent('toast', { detail: { message: 'The backup rows-many-01 failed.' } })"
        page.evaluate(f"document.body.dispatchEvent({toast.replace('} })', '}, bubbles: true })')})")
        backups.expect_announced("rows-many-02: Failed.")
        said = [text for text in page.evaluate("window.heard") if "rows-many-01" in text]
        assert len(said) == 1 and said[0].startswith("The backup rows-many-01 failed.")
    finally:
        console.backups.change(changed, status="COMPLETED")


def test_the_page_of_one_instance_announces_status_changes_too(staged_page: Page, stage: Stage) -> None:
    page, console = staged_page, stage.console
    basic = BasicInformation(page, stage.ids["abnormal"])
    listen(basic)
    try:
        console.instances.change({"name": "rows-abnormal"}, state="normal")
        basic.expect_announced("rows-abnormal: Available.")
    finally:
        console.instances.change({"name": "rows-abnormal"}, state="abnormal")
