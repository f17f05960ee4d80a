"""Every workflow with the keyboard alone: after each step the focus is in the right place and visible."""

import re
from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from console.testing.dialogs import (
    CreateBackupDialog,
    CreateInstanceDialog,
    DeleteBackupDialog,
    DeleteBackupsDialog,
    DeleteInstanceDialog,
    PolicyDialog,
    RestoreDialog,
)
from console.testing.pages import (
    BackupManagement,
    BackupsAndRestorations,
    ConsolePage,
    InstanceHome,
    InstanceManagement,
    ListPage,
    Row,
    SignIn,
)
from tests.e2e.console import INSTANCE_PASSWORD, PASSWORD
from tests.e2e.stage import NARROW, Stage

# Returns the fault of the focused element, or "": no outline, invisible, outside the window, or covered.
HOW_IT_SHOWS = """() => {
  const node = document.activeElement;
  if (node === document.body) return "nothing has the focus";
  if (node.matches("main, [data-form-error]")) return "";
  const style = getComputedStyle(node);
  const menu = node.matches("[role=menuitem]") && style.backgroundColor !== "rgba(0, 0, 0, 0)";
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  if (!menu && !ring) return "no outline: " + node.outerHTML;
  if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return "unseen: " + node.outerHTML;
  const at = node.getBoundingClientRect();
  const [x, y] = [at.left + Math.min(at.width, 200) / 2, at.top + at.height / 2];
  if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) return "outside: " + node.outerHTML;
  const top = document.elementFromPoint(x, y);
  if (node.contains(top) || top.contains(node)) return "";
  return "covered by " + top.outerHTML + ": " + node.outerHTML;
}"""

numbers = count(1)


class Keyboard:
    """A user without a mouse, who has to see the focus."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.page.keyboard.press(key)

    def shows(self) -> None:
        assert self.page.evaluate(HOW_IT_SHOWS) == ""

    def tab_to(self, target: Locator, key: str = "Tab", most: int = 60) -> None:
        """Press the key until the target has the focus; check at each step that the focus is visible."""
        expect(target).to_be_visible()
        for _ in range(most):
            if target.evaluate("(node) => node === document.activeElement"):
                return
            self.page.keyboard.press(key)
            self.shows()
        raise AssertionError(f"{target} is not reached with {most} x {key}")

    def expect(self, target: Locator) -> None:
        expect(target).to_be_focused()
        self.shows()

    def type_over(self, text: str) -> None:
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)


@pytest.fixture
def keyboard(stage: Stage, browser: Browser) -> Iterator[Keyboard]:
    # Turn motion off: an element that fades in is not visible at once.
    with stage.new_context(browser, reduced_motion="reduce") as context:
        yield Keyboard(context.new_page())


@pytest.fixture
def backup(stage: Stage) -> Iterator[str]:
    """The name of a Complete backup that only this test uses."""
    name = f"keyed-{next(numbers)}"
    stage.console.create_backup(stage.ids["real"], name)
    stage.console.wait_backup(name)
    stage.console.wait_available("rows-real")
    yield name


def look_for(keyboard: Keyboard, shown: ListPage, text: str) -> None:
    """Narrow the list with its search field."""
    keyboard.press("/")
    keyboard.expect(shown.search_field)
    shown.page.keyboard.type(text)
    expect(shown.page).to_have_url(re.compile(f"q={text}"))


def find_instance(keyboard: Keyboard, name: str) -> Row:
    instances = InstanceManagement(keyboard.page).open()
    look_for(keyboard, instances, name)
    expect(instances.row(name).root).to_be_visible()
    return instances.row(name)


def choose(keyboard: Keyboard, row: Row, item: str) -> None:
    """Choose an item of the row's More menu."""
    keyboard.tab_to(row.more)
    keyboard.press("Enter")
    items = keyboard.page.get_by_role("menuitem")
    target = row.menu_item(item)
    expect(items.first).to_be_visible()
    for _ in range(items.count()):
        if target.evaluate("(node) => node === document.activeElement"):
            break
        keyboard.press("ArrowDown")
    keyboard.expect(target)
    keyboard.press("Enter")


# --- Create Backup ---------------------------------------------------------------------------------


def fill_and_submit(keyboard: Keyboard, stage: Stage, name: str) -> None:
    dialog = CreateBackupDialog(keyboard.page)
    keyboard.expect(dialog.field("Backup Name"))
    keyboard.type_over("1é")
    keyboard.press("Enter")
    dialog.expect_error("Backup Name", "Start the name with a letter")
    keyboard.expect(dialog.field("Backup Name"))
    keyboard.type_over(name)
    keyboard.tab_to(dialog.field("Description"))
    keyboard.page.keyboard.type("By keys alone")
    keyboard.tab_to(dialog.button("OK"))
    keyboard.press("Enter")
    dialog.expect_closed()
    stage.console.wait_backup(name)
    stage.console.wait_available("rows-real")


def test_create_backup_from_the_row_of_an_instance(keyboard: Keyboard, stage: Stage) -> None:
    row = find_instance(keyboard, "rows-real")
    keyboard.tab_to(row.operation("Create Backup"))
    keyboard.press("Enter")
    fill_and_submit(keyboard, stage, "keyed-row")
    # The button is replaced when the backup starts and again when it ends, and keeps the focus.
    row.expect_status("Available")
    keyboard.expect(row.root.get_by_role("link", name="Create Backup"))


def test_create_backup_from_the_menu_of_a_row(keyboard: Keyboard, stage: Stage) -> None:
    row = find_instance(keyboard, "rows-real")
    choose(keyboard, row, "Create Backup")
    fill_and_submit(keyboard, stage, "keyed-menu")
    keyboard.expect(row.more)


def test_create_backup_in_backup_management(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    InstanceManagement(page).open()
    keyboard.tab_to(page.get_by_role("link", name="Backup Management"))
    keyboard.press("Enter")
    BackupManagement(page).shown()
    button = page.get_by_role("link", name="Create Backup")
    keyboard.tab_to(button)
    keyboard.press("Enter")
    dialog = CreateBackupDialog(page)
    keyboard.expect(dialog.field("DB Instance Type"))
    # The dialog has chosen the type that has an Available instance.
    expect(dialog.field("DB Instance Type")).to_have_value("ReplicaSet")
    name = dialog.field("DB Instance Name")
    expect(name.get_by_role("option", name="rows-real")).to_have_count(1)
    keyboard.tab_to(name)
    page.keyboard.type("rows-real")
    keyboard.tab_to(dialog.field("Backup Name"))
    fill_and_submit(keyboard, stage, "keyed-management")
    keyboard.expect(button)


def test_create_backup_in_backups_and_restorations(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    keyboard.tab_to(find_instance(keyboard, "rows-real").operation("rows-real"))
    keyboard.press("Enter")
    InstanceHome(page, "rows-real").shown()
    keyboard.tab_to(page.get_by_role("link", name="Backups & Restorations").first)
    keyboard.press("Enter")
    BackupsAndRestorations(page).shown()
    keyboard.press("c")
    fill_and_submit(keyboard, stage, "keyed-own")
    keyboard.expect(page.get_by_role("main").get_by_role("link", name="Create Backup").first)


# --- Other actions on backups ----------------------------------------------------------------------


def test_restore_to_a_new_instance(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    backups = BackupManagement(page).open()
    look_for(keyboard, backups, "rows-complete")
    restore = backups.row("rows-complete").operation("Restore")
    keyboard.tab_to(restore)
    keyboard.press("Enter")
    dialog = RestoreDialog(page)
    keyboard.expect(dialog.field("DB Instance Name"))
    keyboard.tab_to(dialog.root.get_by_role("link", name="Restore to Original"), "Shift+Tab")
    keyboard.press("Enter")
    keyboard.expect(dialog.field("Type the name of the instance to confirm"))
    keyboard.tab_to(dialog.root.get_by_role("link", name="Create New Instance"), "Shift+Tab")
    keyboard.press("Enter")
    keyboard.expect(dialog.field("DB Instance Name"))
    keyboard.type_over("keyed-restored")
    keyboard.press("Enter")
    dialog.expect_closed()
    keyboard.expect(restore)
    stage.console.wait_available("keyed-restored")
    stage.console.wait_available("rows-real")


def test_modify_the_policy(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    backups = BackupsAndRestorations(page, stage.ids["real"]).open()
    opener = page.get_by_role("link", name="Modify Backup Policy")
    keyboard.tab_to(opener)
    keyboard.press("Enter")
    dialog = PolicyDialog(page)
    keyboard.expect(dialog.field("Automated Backup"))
    days = dialog.field("Retention Period (days)")
    keyboard.tab_to(days)
    keyboard.type_over("0")
    keyboard.press("Enter")
    dialog.expect_error("Retention Period (days)", "1 to 732")
    keyboard.expect(days)
    keyboard.type_over("9")
    keyboard.press("Enter")
    dialog.expect_closed()
    backups.expect_text("kept for 9 days.")
    keyboard.expect(opener)


def test_delete_a_backup_and_keep_a_focus_when_its_row_disappears(
    keyboard: Keyboard, stage: Stage, backup: str
) -> None:
    page = keyboard.page
    backups = BackupManagement(page).open()
    look_for(keyboard, backups, "keyed-")
    row = backups.row(backup)
    choose(keyboard, row, "Delete")
    dialog = DeleteBackupDialog(page)
    keyboard.expect(dialog.button("Yes"))
    keyboard.press("Enter")
    dialog.expect_closed()
    row.expect_gone()
    page.wait_for_function(
        "document.activeElement.matches('tbody a, tbody button, tbody input, [type=search], .empty a')"
    )
    keyboard.shows()


def test_delete_the_selected_backups(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    backups = BackupManagement(page).open()
    look_for(keyboard, backups, "rows-many-1")
    for name in ("rows-many-10", "rows-many-11"):
        box = backups.box(name)
        keyboard.tab_to(box, "Tab" if name.endswith("0") else "Shift+Tab")
        keyboard.press("Space")
        expect(box).to_be_checked()
    keyboard.tab_to(backups.delete_button)
    keyboard.press("Enter")
    dialog = DeleteBackupsDialog(page)
    keyboard.tab_to(dialog.button("Cancel"))
    keyboard.press("Enter")
    dialog.expect_closed()
    keyboard.expect(backups.delete_button)
    keyboard.press("Enter")
    keyboard.expect(dialog.button("Yes"))
    keyboard.press("Enter")
    dialog.expect_closed()
    expect(backups.rows("Deleting")).to_have_count(2)
    page.wait_for_function("document.activeElement !== document.body")
    keyboard.shows()
    stage.console.backups.change({"name": ("rows-many-10", "rows-many-11")}, status="COMPLETED")


# --- Instances ---------------------------------------------------------------------------------------


def test_rename_in_place(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    row = find_instance(keyboard, "rows-idle")
    choose(keyboard, row, "Rename")
    field = page.get_by_role("form", name="Rename DB Instance").get_by_label("DB Instance Name")
    keyboard.expect(field)
    keyboard.press("Escape")
    keyboard.expect(row.operation("Rename rows-idle"))
    keyboard.press("Enter")
    keyboard.expect(field)
    keyboard.type_over("rows-idle-2")
    keyboard.press("Enter")
    keyboard.expect(page.get_by_role("button", name="Rename rows-idle-2"))
    stage.console.instances.change({"name": "rows-idle-2"}, name="rows-idle")


def test_create_and_delete_an_instance(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    instances = InstanceManagement(page).open()
    create = page.get_by_role("link", name="Create DB Instance")
    keyboard.tab_to(create)
    keyboard.press("Enter")
    dialog = CreateInstanceDialog(page)
    keyboard.expect(dialog.field("DB Instance Name"))
    page.keyboard.type("keyed-instance")
    for label in ("Administrator Password", "Confirm Password"):
        keyboard.tab_to(dialog.field(label))
        page.keyboard.type(INSTANCE_PASSWORD)
    keyboard.press("Enter")
    dialog.expect_closed()
    keyboard.expect(create)
    stage.console.wait_available("keyed-instance")
    choose(keyboard, find_instance(keyboard, "keyed-instance"), "Delete")
    confirmation = DeleteInstanceDialog(page)
    keyboard.expect(confirmation.field("Type the name of the instance to confirm"))
    page.keyboard.type("keyed-instance")
    keyboard.press("Shift+Tab")
    keyboard.press("Space")
    keyboard.press("Enter")
    confirmation.expect_closed()
    # The deleted row was the only one, so the focus moves to the search field.
    instances.expect_text("No instance matches.")
    keyboard.expect(instances.search_field)


# --- Lists -------------------------------------------------------------------------------------------


def test_filter_sort_and_page_through_a_list(keyboard: Keyboard, stage: Stage) -> None:
    page = keyboard.page
    backups = BackupManagement(page).open(size=10)
    tab = backups.tab_of("Single Nodes")
    keyboard.tab_to(tab)
    keyboard.press("Enter")
    expect(page).to_have_url(re.compile("type=Single"))
    keyboard.expect(tab)
    status = backups.filter_field("Status")
    keyboard.tab_to(status)
    page.keyboard.type("Comp")
    expect(page).to_have_url(re.compile("status=COMPLETED"))
    keyboard.expect(status)
    filters = page.get_by_role("button", name="Filters")
    keyboard.tab_to(filters)
    keyboard.press("Enter")
    keyboard.expect(page.get_by_label("DB instance: whole name or ID"))
    page.keyboard.type("rows-idle")
    keyboard.press("Enter")
    expect(page).to_have_url(re.compile("instance=rows-idle"))
    keyboard.press("Escape")
    keyboard.expect(filters)
    header = page.get_by_role("columnheader", name="Backup Time").get_by_role("link")
    keyboard.tab_to(header)
    keyboard.press("Enter")
    backups.expect_sorted("Backup Time", "ascending")
    keyboard.expect(header)
    following = backups.pager("Next")
    keyboard.tab_to(following, most=120)
    keyboard.press("Enter")
    expect(page).to_have_url(re.compile("after="))
    keyboard.expect(following)
    clear = page.get_by_role("link", name="Clear", exact=True)
    keyboard.tab_to(clear, "Shift+Tab", most=120)
    keyboard.press("Enter")
    expect(clear).to_have_count(0)
    keyboard.expect(backups.search_field)


# --- The account -------------------------------------------------------------------------------------


def test_sign_in_and_out(stage: Stage, browser: Browser) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        keyboard = Keyboard(page)
        page.goto(f"{stage.console.url}/backups/")
        keyboard.expect(page.get_by_label("Username"))
        page.keyboard.type("admin")
        keyboard.press("Tab")
        keyboard.expect(page.get_by_label("Password"))
        page.keyboard.type("wrong")
        keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        keyboard.expect(page.get_by_label("Username"))
        keyboard.type_over("admin")
        keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        keyboard.press("Enter")
        BackupManagement(page).shown()
        keyboard.press("Tab")
        keyboard.expect(page.get_by_role("link", name="Skip to content"))
        keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        shown = ConsolePage(page)
        menu = shown.user_menu
        keyboard.tab_to(menu, "Shift+Tab")
        keyboard.press("ArrowDown")
        keyboard.expect(shown.user_menu_item("Sessions"))
        keyboard.press("Escape")
        keyboard.expect(menu)
        keyboard.press("Enter")
        keyboard.press("End")
        keyboard.expect(shown.user_menu_item("Sign out"))
        keyboard.press("Enter")
        SignIn(page).shown()


# --- Visible focus -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [{"width": 1280, "height": 420}, NARROW], ids=["low", "narrow"])
@pytest.mark.parametrize("path", ["/instances/", "/backups/?size=10", "/tasks/?size=10", "/instances/{real}/"])
def test_every_focused_control_is_uncovered_and_has_a_ring_in_both_directions(
    keyboard: Keyboard, stage: Stage, path: str, size: dict[str, int]
) -> None:
    page = keyboard.page
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto(stage.console.url + path.format(**stage.ids))
    if "backups" in path:
        # Select a row to show the bar at the bottom of the page.
        page.locator("tbody [data-select]:enabled").first.check()
    for key in ("Tab", "Shift+Tab"):
        wrong = []
        for _ in range(70):
            page.keyboard.press(key)
            seen = page.evaluate(HOW_IT_SHOWS)
            if seen == "nothing has the focus":
                break
            wrong += [seen] if seen else []
        assert wrong == []
