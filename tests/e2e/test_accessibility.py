"""Every page, dialog, menu and message passes axe-core's WCAG 2.2 AA rules in light, in dark and in Chinese."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Browser, Page, expect

from console.testing.pages import (
    BackupList,
    BackupManagement,
    BackupsAndRestorations,
    ConsolePage,
    InstanceManagement,
    ListPage,
    Password,
    Row,
    SignIn,
    Users,
)
from tests.e2e.console import PASSWORD, Console
from tests.e2e.heartbeats import beat
from tests.e2e.stage import NARROW, WIDE, Stage

RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# The rules whose result depends on colours: only these need another check in the dark scheme.
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}

# PAGES, DIALOGS and ELSEWHERE together name every URL of the console; a test fails if one is missing.
# Each page and dialog has the arguments of its URL, as keys of `stage.ids`.
PAGES: dict[str, dict[str, str]] = {
    "home": {},
    "sessions": {},
    "password-change": {},
    "audit": {},
    "users": {},
    "settings": {},
    "notifications:list": {},
    "notifications:detail": {"channel_id": "channel"},
    "instances:list": {},
    "instance": {"instance_id": "real"},
    "search": {},
    "instances:detail": {"instance_id": "real"},
    "instances:instance-tasks": {"instance_id": "real"},
    "instances:tasks": {},
    "backups:list": {},
    "backups:detail": {"backup_id": "complete"},
    "backups:instance": {"instance_id": "real"},
    "backups:task": {"task_id": "task"},
}
DIALOGS: dict[str, dict[str, str]] = {
    "keys": {},
    "time-zone": {},
    "storage-test": {"host_name": "host"},
    "user-create": {},
    "user-role": {"user_id": "reader"},
    "user-reset-password": {"user_id": "reader"},
    "user-end-sessions": {"user_id": "reader"},
    "user-deactivate": {"user_id": "reader"},
    "user-activate": {"user_id": "reader"},
    "notifications:create": {},
    "notifications:edit": {"channel_id": "channel"},
    "notifications:delete": {"channel_id": "channel"},
    "notifications:test": {"channel_id": "channel"},
    "instances:create": {},
    "instances:add-existing": {},
    "instances:edit-connection": {"instance_id": "deployment"},
    "instances:test-connection": {"instance_id": "deployment"},
    "instances:delete": {"instance_id": "idle"},
    "instances:rename": {"instance_id": "idle"},
    "instances:reset-password": {"instance_id": "idle"},
    "instances:restart": {"instance_id": "idle"},
    "backups:create": {},
    "backups:create-for-instance": {"instance_id": "idle"},
    "backups:policy": {"instance_id": "idle"},
    "backups:delete": {"backup_id": "complete"},
    "backups:delete-selected": {},
    "backups:cancel": {"backup_id": "building"},
    "backups:edit-description": {"backup_id": "complete"},
    "backups:lock": {"backup_id": "complete"},
    "backups:unlock": {"backup_id": "locked"},
    "backups:restore": {"backup_id": "complete"},
    "backups:restore-to-original": {"backup_id": "complete"},
    "backups:restore-to-deployment": {"backup_id": "complete"},
    "backups:verify": {"backup_id": "complete"},
    "backups:choose": {"instance_id": "real"},
    "backups:task-retry": {"task_id": "task"},
}
ELSEWHERE = {
    "activity": "what the script of every page asks for",
    "language": "takes no GET",
    "sign-in": "the tests of those who have not signed in",
    "sign-out": "takes no GET",
    "theme": "takes no GET",
    "columns": "takes no GET",
    "notice-away": "takes no GET",
    "start-put-away": "takes no GET",
    "session-end": "takes no GET",
    "notifications:read": "takes no GET",
    "sessions-end-others": "takes no GET",
    "healthz": "plain text for programs",
    "readyz": "plain text for programs",
    "metrics": "plain text for programs",
    "instances:name": "a part of the list",
    "backups:instance-options": "a part of a dialog",
    "backups:policy-preview": "a part of a dialog",
    "backups:download": "a file; without one, the test of its page",
    "backups:sha256": "a file",
}


def names(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from names(pattern.url_patterns, inner)
        else:
            yield f"{space}{pattern.name}"


def test_every_url_is_checked_here_or_listed_as_an_exception() -> None:
    known = [*PAGES, *DIALOGS, *ELSEWHERE]
    assert sorted(names(get_resolver().url_patterns)) == sorted(known)


def found(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """Return axe-core's violations on the page as it is now, one line for each element."""
    # The headings of a list stay in the window and cover a part of some row, which axe-core takes for a small target.
    page.evaluate("scrollTo(0, 0)")
    result = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} ({node['failureSummary']})"
        for violation in result.response["violations"]
        for node in violation["nodes"]
    ]


def judged(page: Page) -> list[str]:
    """Return all violations in the light scheme, and those of colour rules in the dark scheme."""
    wrong = found(page)
    page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {line}" for line in found(page, OF_COLOURS)]
    page.emulate_media(color_scheme="light")
    return wrong


def address(stage: Stage, name: str, arguments: dict[str, str]) -> str:
    path = reverse(name, kwargs={key: stage.ids[which] for key, which in arguments.items()})
    chosen = f"?id={stage.ids['complete']}&id={stage.ids['failed']}&id={stage.ids['locked']}"
    return path + chosen if name == "backups:delete-selected" else path


# --- Pages, dialogs and their states -------------------------------------------------------------


def test_empty_lists_are_accessible(fresh_console: Console, page: Page) -> None:
    SignIn(page).open(fresh_console.url).submit("admin", PASSWORD)
    # Turn motion off: during a transition a colour is not yet the final one.
    page.emulate_media(reduced_motion="reduce")
    for path in ("/", "/instances/", "/tasks/", "/backups/", "/instances/{id}/backups/"):
        instance = fresh_console.create_instance("empty") if "{id}" in path else {}
        page.goto(fresh_console.url + path.format(**instance))
        expect(page.locator(".start" if path == "/" else ".empty")).to_be_visible()
        assert judged(page) == [], path


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(stage: Stage, name: str) -> None:
    page = stage.open(address(stage, name, PAGES[name]))
    assert judged(page) == []
    page.set_viewport_size(NARROW)
    assert found(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(stage: Stage, name: str) -> None:
    page = stage.open(address(stage, name, PAGES[name]))
    for width in (320, 360, 700, 900, 1000, 1140, 1200, 1280, 1366, 1440, 1600, 1920):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", DIALOGS)
def test_a_dialog_is_accessible_in_place_and_as_a_page(stage: Stage, name: str) -> None:
    path = address(stage, name, DIALOGS[name])
    page = stage.open(path)
    assert found(page) == []
    stage.open("/instances/")
    show_in_place(stage, page, name)
    assert judged(page) == []


def show_in_place(stage: Stage, page: Page, name: str) -> None:
    """Show the dialog, or the rename form in its row, on the open Instance Management page."""
    target = f"#name-{stage.ids['idle']}" if name == "instances:rename" else "#dialog-content"
    path = address(stage, name, DIALOGS[name])
    page.evaluate(f"htmx.ajax('GET', {path!r}, {{target: {target!r}, swap: 'innerHTML'}})")
    shown = page.locator(target).get_by_role("form") if name == "instances:rename" else page.get_by_role("dialog")
    expect(shown).to_be_visible()


def test_every_page_and_dialog_is_accessible_in_chinese(stage: Stage, browser: Browser) -> None:
    """Check labels, names and widths; colours do not depend on the language."""
    wrong = []
    with browser.new_context(reduced_motion="reduce", locale="zh-CN") as context:
        stranger = context.new_page()
        SignIn(stranger).open(stage.console.url)
        wrong += [f"sign-in: {line}" for line in found(stranger)]
    with stage.new_context(browser, locale="zh-CN") as context:
        page = context.new_page()
        page.goto(address(stage, "instances:list", {}))
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        for name in DIALOGS:
            show_in_place(stage, page, name)
            wrong += [f"{name}: {line}" for line in found(page)]
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
        for name, arguments in PAGES.items():
            page.set_viewport_size(WIDE)
            page.goto(address(stage, name, arguments))
            wrong += [f"{name}: {line}" for line in found(page)]
            for width in (320, 360, 900, 1140):
                page.set_viewport_size({"width": width, "height": 740})
                if page.evaluate("document.documentElement.scrollWidth") > width:
                    wrong += [f"{name}: has to be scrolled sideways at {width} px"]
    assert wrong == []


def create_backup_with_errors(page: Page) -> None:
    dialog = BackupList(page).create_backup().fill(name="1é", description="a <b> & c").press()
    dialog.expect_error("Backup Name", "Start the name with a letter")


def create_instance_with_errors(page: Page) -> None:
    dialog = InstanceManagement(page).create_instance().fill(name="1st").type_password("simple", again="other").press()
    dialog.expect_error("Administrator Password", "Add a digit")


def create_instance_without_a_password(page: Page) -> None:
    dialog = InstanceManagement(page).create_instance().skip_password()
    expect(dialog.button("Generate")).to_be_hidden()


def create_instance_with_a_generated_password(page: Page) -> None:
    assert InstanceManagement(page).create_instance().generate()


def reset_password_with_errors(page: Page) -> None:
    dialog = (
        InstanceManagement(page).row("rows-idle").reset_password().type_password("Correct-horse-7", again="x").press()
    )
    dialog.expect_error("Confirm Password", "The two passwords differ.")


def create_user_with_errors(page: Page) -> None:
    dialog = Users(page).create_user().fill(name="no spaces").type_password("short", again="other").press()
    dialog.expect_error("User Name", "Use only letters")


def rename_with_errors(page: Page) -> None:
    form = InstanceManagement(page).row("rows-idle").edit_name()
    form.attempt("1é")
    form.expect_error("Start the name with a letter")
    expect(form.name).to_have_attribute("aria-invalid", "true")


def dialog_that_lost_the_console(page: Page) -> None:
    dialog = InstanceManagement(page).row("rows-real").create_backup()
    page.context.set_offline(True)
    dialog.press().expect_refused("is not responding")
    page.context.set_offline(False)


def toast_that_stays(page: Page) -> None:
    page.context.set_offline(True)
    backups = BackupManagement(page)
    backups.refresh()
    backups.expect_toast("The console is not responding.")
    page.context.set_offline(False)


def password_with_errors(page: Page) -> None:
    form = Password(page)
    form.attempt(old="", new="")
    form.expect_error("Old password", "Fill in this field.")


def row_menu(page: Page) -> None:
    # The first row of whichever list is open.
    Row(page, ListPage(page).rows("rows-").first).more.click()
    expect(page.get_by_role("menuitem").first).to_be_focused()


def user_menu(page: Page) -> None:
    shown = ConsolePage(page)
    shown.user_menu.click()
    expect(shown.user_menu_item("Sign out")).to_be_visible()


def filters(page: Page) -> None:
    expect(ListPage(page).more_filters().get_by_label("From")).to_be_visible()


def filters_with_errors(page: Page) -> None:
    expect(page.get_by_role("alert")).to_contain_text("Enter a date and a time")


def navigation(page: Page) -> None:
    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Navigation").click()
    expect(page.get_by_role("link", name="Task Center")).to_be_visible()


def selection(page: Page) -> None:
    BackupManagement(page).tick("rows-failed")
    expect(page.get_by_role("form", name="Selected backups").get_by_role("button")).to_be_visible()


def reason_of_a_disabled_button(page: Page) -> None:
    InstanceManagement(page).row("rows-busy").operation("Create Backup").focus()
    expect(page.get_by_role("tooltip").filter(has_text="No backup can be made now")).to_be_visible()


def another_name_to_delete(page: Page) -> None:
    page.get_by_label("Type the name of the instance to confirm").fill("another")
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(page.get_by_text("Type exactly this name: ")).to_be_visible()


def policy_for_a_few_days(page: Page) -> None:
    dialog = BackupsAndRestorations(page).modify_policy().turn(True).keep(3)
    expect(dialog.field("Monday")).to_be_disabled()


def charts_as_tables(page: Page) -> None:
    for unfold in page.get_by_text("As a table").all():
        unfold.click()
    expect(page.get_by_role("table", name="Backups of the last 14 days")).to_be_visible()


def search_results(page: Page) -> None:
    ConsolePage(page).search_everything("rows-").expect_chosen("rows-")


def search_without_results(page: Page) -> None:
    ConsolePage(page).search_everything("nothing-has-this-name").expect_text("Nothing has a name")


def help_of_the_page(page: Page) -> None:
    shown = ConsolePage(page)
    shown.help_button.click()
    expect(shown.help).to_be_visible()


def nothing_matches(page: Page) -> None:
    expect(page.locator(".empty")).to_be_visible()


def as_it_is(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()


STATES: list[tuple[str, Callable[[Page], None]]] = [
    ("/backups/", create_backup_with_errors),
    ("/instances/{idle}/backups/", create_backup_with_errors),
    ("/instances/", create_instance_with_errors),
    ("/instances/", create_instance_without_a_password),
    ("/instances/", create_instance_with_a_generated_password),
    ("/instances/", reset_password_with_errors),
    ("/users/", create_user_with_errors),
    ("/users/?q=nobody-has-this-name", nothing_matches),
    ("/instances/", rename_with_errors),
    ("/instances/", dialog_that_lost_the_console),
    ("/backups/", toast_that_stays),
    ("/account/password/", password_with_errors),
    ("/instances/", row_menu),
    ("/backups/", row_menu),
    ("/instances/", user_menu),
    ("/backups/", filters),
    ("/backups/?since=never", filters_with_errors),
    ("/backups/", navigation),
    ("/instances/{real}/", navigation),
    ("/backups/?size=50", selection),
    ("/instances/", reason_of_a_disabled_button),
    ("/instances/{idle}/backups/", policy_for_a_few_days),
    ("/", charts_as_tables),
    ("/", search_results),
    ("/", search_without_results),
    ("/search/?q=rows-", as_it_is),
    ("/instances/{real}/", help_of_the_page),
    ("/instances/{busy}/", as_it_is),
    ("/instances/{idle}/restore/", as_it_is),
    ("/instances/?q=nothing-has-this-name", nothing_matches),
    ("/backups/?q=nothing-has-this-name", nothing_matches),
    ("/tasks/?q=nothing-has-this-name", nothing_matches),
    ("/audit/?resource=nothing-has-this-name", nothing_matches),
    ("/backups/{building}/", as_it_is),
    ("/backups/{failed}/", as_it_is),
    ("/backups/{orphan}/", as_it_is),
    ("/backups/{failed}/download/", as_it_is),
    ("/instances/{abnormal}/", as_it_is),
    ("/instances/{busy}/delete/", as_it_is),
    ("/instances/{abnormal}/delete/", as_it_is),
    ("/instances/{idle}/delete/", another_name_to_delete),
    ("/instances/{abnormal}/reset-password/", as_it_is),
    ("/backups/{orphan}/restore/", as_it_is),
    ("/backups/{building}/restore/", as_it_is),
    ("/no-such-page/", as_it_is),
]


@pytest.mark.parametrize(("path", "prepare"), STATES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_state_of_a_page_is_accessible(stage: Stage, path: str, prepare: Callable[[Page], None]) -> None:
    page = stage.open(path.format(**stage.ids))
    prepare(page)
    assert judged(page) == []


@pytest.mark.parametrize(("path", "name"), [("/instances/", "rows-idle"), ("/backups/", "rows-many-05")])
@pytest.mark.parametrize("width", [WIDE["width"], NARROW["width"]], ids=["wide", "narrow"])
def test_a_menu_near_the_lower_edge_is_fully_visible(stage: Stage, path: str, name: str, width: int) -> None:
    page = stage.open(f"{path}?q={name}")
    page.set_viewport_size({"width": width, "height": 1200})
    more = Row(page, ListPage(page).rows(name).first).more
    place = more.bounding_box()
    assert place
    height = int(place["y"] + place["height"]) + 8
    page.set_viewport_size({"width": width, "height": height})
    more.click()
    expect(page.get_by_role("menuitem").first).to_be_focused()
    box = page.locator(".menu:popover-open").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    assert box["y"] >= 0 and box["y"] + box["height"] <= height


def test_the_page_of_an_expired_form_is_accessible(stage: Stage) -> None:
    page = stage.open("/account/password/")
    page.evaluate("document.querySelectorAll('main [name=csrfmiddlewaretoken]').forEach((field) => field.remove())")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("heading", name="The form has expired")).to_be_visible()
    assert judged(page) == []


def test_the_internal_error_page_is_accessible(stage: Stage) -> None:
    restoration = stage.console.restorations.last(target_uid=stage.ids["real"], way="original")
    stage.console.restorations.change({"id": restoration["id"]}, started="2026-99-99 00:00:00")
    try:
        page = stage.open(f"/instances/{stage.ids['real']}/backups/")
        expect(page.get_by_role("heading", name="Internal error")).to_be_visible()
        assert judged(page) == []
    finally:
        stage.console.restorations.change({"id": restoration["id"]}, started=restoration["started"])


def test_the_notice_of_an_offline_host_is_accessible(stage: Stage) -> None:
    stage.console.hosts.change({"name": "elsewhere"}, seen="2026-01-01 00:00:00")
    try:
        page = stage.open("/instances/")
        expect(page.get_by_text("Host elsewhere is offline: its agent has stopped responding.").first).to_be_visible()
        assert judged(page) == []
        for width in (360, 1280, 1366, 1440):
            page.set_viewport_size({"width": width, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        beat(stage.console, "elsewhere")


def test_the_database_error_page_is_accessible(stage: Stage) -> None:
    with stage.console.restorations.taken_away():
        page = stage.open(f"/instances/{stage.ids['real']}/backups/")
        expect(page.get_by_role("heading", name="The console database cannot be used")).to_be_visible()
        assert judged(page) == []


@pytest.fixture
def stranger(stage: Stage, browser: Browser) -> Iterator[Page]:
    """A page of a visitor who has not signed in."""
    with browser.new_context(reduced_motion="reduce", viewport=WIDE) as context:
        yield context.new_page()


def test_the_sign_in_page_is_accessible_before_and_after_a_lockout(stage: Stage, stranger: Page) -> None:
    sign_in = SignIn(stranger).open(stage.console.url)
    assert judged(stranger) == []
    stranger.set_viewport_size(NARROW)
    assert found(stranger) == []
    for said in ["Please enter a correct"] * 4 + ["Too many failed attempts"]:
        sign_in.attempt("nobody", "wrong")
        sign_in.expect_error(said)
    assert judged(stranger) == []


def test_the_pages_of_a_read_only_user_are_accessible(stage: Stage, stranger: Page) -> None:
    printed = stage.console.manage("user", "reader", "--role", "read-only")
    password = printed.split("Password:")[1].split()[0]
    SignIn(stranger).open(stage.console.url).submit("reader", password)
    for path in ("/instances/", "/backups/", "/audit/"):
        stranger.goto(stage.console.url + path)
        expect(stranger.get_by_role("heading", level=1)).to_be_visible()
        assert judged(stranger) == [], path
    expect(stranger.get_by_role("heading", name="Not allowed")).to_be_visible()
