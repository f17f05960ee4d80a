"""A polling list in a real browser: refreshes do not disturb the user."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from console.testing.dialogs import DeleteInstanceDialog
from console.testing.pages import BackupManagement, InstanceManagement, InstanceRow, ListPage
from tests.e2e import rows
from tests.e2e.console import Console

# A backup that runs for as long as the tests need: its job has a lease but no agent works on it.
PREPARE = """
from instances.models import Instance
from tests import factories
busy = Instance.objects.get(name="refresh-busy")
Instance.objects.filter(pk=busy.pk).update(action="BACKUP")
for number in range(19):
    factories.make_backup(busy, name=f"refresh-{number:02}", status="FAILED")
job = factories.make_running_job(instance=busy, progress=1)
factories.make_backup(busy, name="refresh-19", status="BUILDING", job=job)
"""


@dataclass
class Running:
    """The running backup, and the changes that tests make to it."""

    console: Console
    id: str
    progress: int = 1

    def news(self, page: Page) -> None:
        """Make two changes and wait until each is on the page."""
        for _ in range(2):
            self.change()
            if "/backups/" in page.url:
                expect(page.get_by_role("progressbar").first).to_have_attribute("value", str(self.progress))
            else:
                expect(InstanceManagement(page).row(self.name).root).to_be_visible()

    @property
    def name(self) -> str:
        """The busy instance's name, which changes with the progress."""
        return f"refresh-busy-{self.progress}"

    def change(self) -> None:
        self.progress = self.progress % 98 + 1
        self.console.jobs.change({"instance_id": self.id}, progress=self.progress)
        self.console.instances.change({"id": self.id}, name=self.name)

    def end(self) -> None:
        self.console.instances.change({"id": self.id}, action="")
        self.console.backups.delete(instance_id=self.id)
        self.console.jobs.change({"instance_id": self.id, "status": "Running"}, status="Failed", token=None)


@pytest.fixture(scope="module")
def running(console: Console) -> Iterator[Running]:
    busy, _idle = map(console.create_instance, ("refresh-busy", "refresh-idle"))
    rows.run(console, PREPARE)
    running = Running(console, busy["id"])
    yield running
    running.end()


def idle_instance(page: Page) -> InstanceRow:
    page.set_viewport_size({"width": 1600, "height": 900})
    return InstanceManagement(page).open().row("refresh-idle")


def test_an_open_menu_stays_open_and_keeps_the_focus(signed_in: Page, running: Running) -> None:
    page = signed_in
    row = idle_instance(page)
    row.more.click()
    page.keyboard.press("End")
    item = row.menu_item("Delete")
    expect(item).to_be_focused()
    page.evaluate("window.openMenu = document.querySelector('[role=menu]:popover-open')")
    running.news(page)
    expect(item).to_be_visible()
    expect(item).to_be_focused()
    assert page.evaluate("window.openMenu.isConnected && window.openMenu.matches(':popover-open')")


def test_a_refresh_waits_until_the_pointer_is_released(signed_in: Page, running: Running) -> None:
    """Check that no refresh changes or moves the target between press and release, which would lose the click."""
    page = signed_in
    row = idle_instance(page)
    row.more.click()
    row.menu_item("Delete").hover()
    page.mouse.down()
    with page.expect_response(lambda answer: running.name in answer.text() if answer.status == 200 else False):
        running.change()
    # After the next frame a wrong swap would be visible.
    page.evaluate("new Promise(requestAnimationFrame)")
    changed = InstanceManagement(page).row(running.name).root
    expect(changed).to_have_count(0)
    page.mouse.up()
    DeleteInstanceDialog(page)
    expect(changed).to_have_count(1)


def test_a_release_that_the_page_misses_does_not_block_refreshes(signed_in: Page, running: Running) -> None:
    """Lose the release to the browser's own menu, and then to another window."""
    page = signed_in
    idle_instance(page).root.hover()
    page.mouse.down(button="right")
    running.news(page)
    page.mouse.up(button="right")
    page.keyboard.press("Escape")
    page.mouse.down()
    page.evaluate("dispatchEvent(new Event('blur'))")
    running.news(page)
    page.mouse.up()


@pytest.mark.parametrize("kind", [InstanceManagement, BackupManagement])
def test_the_focus_stays_on_its_control(signed_in: Page, running: Running, kind: type[ListPage]) -> None:
    page = signed_in
    page.set_viewport_size({"width": 1600, "height": 900})
    control = kind(page).open().rows("refresh-").get_by_role("button", name="Copy").last
    control.focus()
    running.news(page)
    expect(control).to_be_focused()


def test_the_page_keeps_its_scroll_position(signed_in: Page, running: Running) -> None:
    page = signed_in
    page.set_viewport_size({"width": 1280, "height": 400})
    BackupManagement(page).open()
    page.evaluate("window.scrollTo(0, 300)")
    running.news(page)
    assert page.evaluate("window.scrollY") == 300


def test_text_typed_into_the_search_is_kept(signed_in: Page, running: Running) -> None:
    page = signed_in
    backups = BackupManagement(page).open()
    search = backups.search_field
    search.click()
    # Type slowly enough that refreshes and searches arrive between the keys.
    page.keyboard.type("refresh-", delay=200)
    expect(backups.row("refresh-19").root).to_be_visible()
    page.keyboard.press("ArrowLeft")
    running.news(page)
    expect(search).to_be_focused()
    expect(search).to_have_value("refresh-")
    assert page.evaluate("document.activeElement.selectionStart") == len("refresh-") - 1


def test_the_page_of_a_backup_refreshes_and_keeps_the_focus(signed_in: Page, running: Running) -> None:
    backup = BackupManagement(signed_in).open().row("refresh-19").open("refresh-19").backup
    backup.more.focus()
    running.news(signed_in)
    expect(backup.more).to_be_focused()
    backup.more.click()
    expect(backup.menu_item("Download")).to_have_attribute("aria-disabled", "true")


def test_the_focus_moves_to_the_next_row_when_its_own_disappears(
    signed_in: Page, console: Console, running: Running
) -> None:
    backups = BackupManagement(signed_in).open(q="refresh-")
    row = backups.row("refresh-15")
    row.more.focus()
    console.backups.delete(name="refresh-15")
    row.expect_gone()
    expect(backups.row("refresh-14").operation("refresh-14")).to_be_focused()


def test_the_focus_moves_from_an_open_menu_to_the_next_row_when_its_row_disappears(
    signed_in: Page, console: Console, running: Running
) -> None:
    page = signed_in
    backups = BackupManagement(page).open(q="refresh-")
    row = backups.row("refresh-13")
    row.more.click()
    expect(page.get_by_role("menuitem").first).to_be_focused()
    console.backups.delete(name="refresh-13")
    row.expect_gone()
    expect(backups.row("refresh-12").operation("refresh-12")).to_be_focused()


def test_the_focus_moves_to_the_button_that_replaces_the_focused_one(
    signed_in: Page, console: Console, running: Running
) -> None:
    instances = InstanceManagement(signed_in).open(q="refresh-idle")
    row = instances.row("refresh-idle")
    button = row.root.get_by_role("link", name="Create Backup")
    button.focus()
    try:
        console.instances.change({"name": "refresh-idle"}, action="RESTART")
        # Trigger htmx directly, because a click would move the focus.
        instances.refresh_button.evaluate("(link) => htmx.trigger(document.body, 'refresh')")
        expect(row.root.get_by_role("button", name="Create Backup")).to_be_focused()
    finally:
        console.instances.change({"name": "refresh-idle"}, action="")
    expect(button).to_be_focused()


TWO_SWAPS = """() => new Promise((done) => {
  const settleLater = ({ detail }) => (detail.swapOverride = "morph:outerHTML settle:1s");
  document.addEventListener("htmx:beforeSwap", settleLater);
  document.addEventListener("htmx:afterSwap", () => {
    document.addEventListener("htmx:afterSwap", () => {
      document.removeEventListener("htmx:beforeSwap", settleLater);
      done();
    }, { once: true });
    setTimeout(() => htmx.trigger(document.body, "refresh"));
  }, { once: true });
  htmx.trigger(document.body, "refresh");
})"""


def test_the_focus_survives_a_second_swap_before_the_first_has_settled(
    signed_in: Page, console: Console, running: Running
) -> None:
    backups = BackupManagement(signed_in).open(q="refresh-")
    backups.row("refresh-11").more.focus()
    console.backups.delete(name="refresh-11")
    signed_in.evaluate(TWO_SWAPS)
    expect(backups.row("refresh-10").operation("refresh-10")).to_be_focused()


def test_a_refresh_does_not_discard_a_search(signed_in: Page, running: Running) -> None:
    page = signed_in
    instances = InstanceManagement(page).open()
    # Refresh the list while the search request is on its way.
    page.evaluate(
        """document.addEventListener("htmx:beforeSend", ({ detail }) => {
             if (!detail.elt.hidden) setTimeout(() => htmx.trigger(document.body, "refresh"));
           }, { once: true })"""
    )
    instances.search("refresh-nothing")
    expect(page).to_have_url(re.compile("q=refresh-nothing"))
    instances.expect_text("No instance matches.")
