"""Dialogs in a real browser: errors, keys, focus, counters, double clicks, and forms without JavaScript."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from console.testing.dialogs import CreateBackupDialog, SignInDialog
from console.testing.pages import BackupManagement, BackupsAndRestorations, InstanceManagement, Overview
from tests.e2e.console import INSTANCE_PASSWORD, PASSWORD, Console, connect
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, str]:
    return console.create_instance("dialogs", "Single")


def open_dialog(page: Page, instance: dict[str, str]) -> CreateBackupDialog:
    return BackupsAndRestorations(page, instance["id"]).open().create_backup()


def test_every_error_is_beside_its_field_and_the_input_is_kept(
    signed_in_page: Page, console: Console, instance: dict[str, str]
) -> None:
    dialog = open_dialog(signed_in_page, instance).fill(name="1é", description="a <b> & c").press()
    for message in ("at least 4", "Start the name with a letter", "Use only letters"):
        dialog.expect_error("Backup Name", message)
    dialog.expect_error("Description", "Remove")
    expect(dialog.field("Backup Name")).to_have_value("1é")
    expect(dialog.field("Description")).to_have_value("a <b> & c")
    dialog.submit(name="mended-name", description="a b c")
    console.wait_backup("mended-name")
    console.wait_available("dialogs")


def test_the_caret_is_behind_the_suggested_name(signed_in_page: Page, instance: dict[str, str]) -> None:
    name = open_dialog(signed_in_page, instance).field("Backup Name")
    expect(name).to_be_focused()
    signed_in_page.keyboard.type("-before")
    expect(name).to_have_value(re.compile(r"^backup-[0-9a-f]{4}-before$"))


def test_the_counter_counts_characters_as_the_server_does(signed_in_page: Page, instance: dict[str, str]) -> None:
    dialog = open_dialog(signed_in_page, instance).expect_text("0/256")
    dialog.field("Description").fill("😀" * 3)
    dialog.expect_text("3/256")


@pytest.mark.parametrize("leave", ["cancel", "escape"])
def test_leaving_the_dialog_returns_the_focus_and_creates_nothing(
    signed_in_page: Page, console: Console, instance: dict[str, str], leave: str
) -> None:
    before = len(console.backups.find())
    getattr(open_dialog(signed_in_page, instance), leave)()
    expect(signed_in_page.get_by_role("link", name="Create Backup").first).to_be_focused()
    assert len(console.backups.find()) == before


def test_a_double_click_creates_one_backup(signed_in_page: Page, console: Console, instance: dict[str, str]) -> None:
    dialog = open_dialog(signed_in_page, instance).fill(name="clicked-twice")
    dialog.button("OK").dblclick()
    dialog.expect_closed()
    console.wait_backup("clicked-twice")
    console.wait_available("dialogs")
    assert len(console.backups.find(name="clicked-twice")) == 1


def test_a_double_click_creates_one_instance(signed_in_page: Page, console: Console) -> None:
    dialog = InstanceManagement(signed_in_page).open().create_instance()
    dialog.fill(name="clicked-twice").type_password(INSTANCE_PASSWORD)
    dialog.button("OK").dblclick()
    dialog.expect_closed()
    console.wait_available("clicked-twice")
    assert len(console.instances.find(name="clicked-twice")) == 1


def test_pressing_ok_again_after_a_lost_response_creates_one_instance(signed_in_page: Page, console: Console) -> None:
    dialog = InstanceManagement(signed_in_page).open().create_instance()
    dialog.fill(name="answered-once").type_password(INSTANCE_PASSWORD)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    signed_in_page.route("**/instances/create/", lose, times=1)
    dialog.press().expect_refused("is not responding")
    dialog.done()
    console.wait_available("answered-once")
    assert len(console.instances.find(name="answered-once")) == 1


def test_enter_submits(signed_in_page: Page, console: Console, instance: dict[str, str]) -> None:
    dialog = open_dialog(signed_in_page, instance)
    dialog.field("Backup Name").fill("by-enter")
    signed_in_page.keyboard.press("Enter")
    dialog.expect_closed()
    console.wait_backup("by-enter")
    console.wait_available("dialogs")


@pytest.mark.usefixtures("instance")
def test_choosing_a_type_narrows_the_list_of_instances(signed_in_page: Page) -> None:
    dialog = BackupManagement(signed_in_page).open().create_backup()
    names = dialog.field("DB Instance Name").get_by_role("option", name="dialogs")
    dialog.field("DB Instance Type").select_option(label="Single node")
    expect(names).to_have_count(1)
    dialog.field("DB Instance Type").select_option(label="Cluster")
    expect(names).to_have_count(0)


def test_without_javascript_the_forms_are_pages(
    without_javascript: Page, console: Console, instance: dict[str, str]
) -> None:
    page = without_javascript
    Overview(page).shown().go_to(BackupManagement)
    page.get_by_role("link", name="Create Backup").first.click()
    form = page.get_by_role("main")
    form.get_by_label("DB Instance Type").select_option(label="Single node")
    form.get_by_role("button", name="Show the instances of this type").click()
    form.get_by_label("DB Instance Name").select_option(instance["id"])
    form.get_by_label("Backup Name").fill("no")
    form.get_by_role("button", name="OK").click()
    expect(form.get_by_text("at least 4")).to_be_visible()
    form.get_by_label("Backup Name").fill("no-script")
    form.get_by_role("button", name="OK").click()
    backups = BackupManagement(page).shown()
    expect(backups.row("no-script").root).to_be_visible()
    console.wait_backup("no-script")
    console.wait_available("dialogs")

    instances = backups.go_to(InstanceManagement)
    page.get_by_role("link", name="Create DB Instance").first.click()
    form.get_by_label("DB Instance Name").fill("made-without-script")
    form.get_by_role("button", name="Generate").click()
    expect(form.get_by_label("DB Instance Name")).to_have_value("made-without-script")
    generated = form.get_by_role("status").get_by_role("code").inner_text()
    form.get_by_role("button", name="OK").click()
    expect(instances.shown().row("made-without-script").root).to_be_visible()
    port = console.wait_available("made-without-script")["port"]
    with connect(port, password=generated) as client:
        assert client["shop"]["orders"].find_one() is None
    instances.open().row("made-without-script").choose("Delete")
    form.get_by_label("Create a final backup").uncheck()
    form.get_by_label("Type the name of the instance to confirm").fill("made-without-script")
    form.get_by_role("button", name="Yes").click()
    wait_for(lambda: not console.instance("made-without-script"), because="the deletion")


@pytest.mark.parametrize("how", ["Escape", "backdrop"])
def test_a_dialog_in_which_something_was_typed_closes_only_after_a_question(
    signed_in_page: Page, instance: dict[str, str], how: Literal["Escape", "backdrop"]
) -> None:
    page = signed_in_page
    dialog = open_dialog(page, instance)
    dialog.field("Description").press_sequentially("Typed")
    for keep in (lambda question: question.get_by_role("button", name="Keep Editing").click(), press_escape):
        keep(dialog.dismiss_typed(how=how))
        expect(dialog.field("Description")).to_be_focused()
        expect(dialog.field("Description")).to_have_value("Typed")
    dialog.dismiss_typed(how=how).get_by_role("button", name="Discard").click()
    dialog.expect_closed()
    open_dialog(page, instance).escape()


def press_escape(question: Locator) -> None:
    question.page.keyboard.press("Escape")
    expect(question).to_be_hidden()


def test_errors_that_arrive_after_the_dialog_was_left_do_not_open_it_again(
    signed_in_page: Page, instance: dict[str, str]
) -> None:
    page = signed_in_page
    dialog = open_dialog(page, instance).fill(name="1é")
    held: list[Route] = []
    page.route("**/backups/create/", lambda route: held.append(route), times=1)
    with page.expect_request("**/backups/create/"):
        dialog.press()
    wait_for(lambda: page.evaluate("1") and held, because="the request")
    dialog.cancel()
    with page.expect_response("**/backups/create/"):
        held[0].continue_()
    # The dialog would open once the answer has settled.
    page.evaluate("new Promise((done) => setTimeout(done, 2 * htmx.config.defaultSettleDelay))")
    expect(dialog.root).to_be_hidden()
    BackupsAndRestorations(page, instance["id"]).create_backup().cancel()


def test_keys_of_an_input_method_neither_submit_nor_leave(signed_in_page: Page, instance: dict[str, str]) -> None:
    dialog = open_dialog(signed_in_page, instance)
    field = dialog.field("Description")
    field.fill("候选")
    for key in ("Enter", "Escape"):
        # As Safari reports the key that ends a composition.
        field.dispatch_event("keydown", {"key": key, "keyCode": 229, "bubbles": True, "cancelable": True})
    expect(dialog.root).to_be_visible()
    expect(signed_in_page.get_by_role("alertdialog")).to_be_hidden()
    expect(field).to_have_value("候选")
    expect(dialog.button("OK")).to_be_enabled()
    dialog.cancel()


def test_an_ended_session_is_renewed_over_the_page(signed_in_page: Page, instance: dict[str, str]) -> None:
    page = signed_in_page
    BackupsAndRestorations(page, instance["id"]).open()
    path = page.url
    page.context.clear_cookies()
    page.get_by_role("link", name="Create Backup").first.click()
    SignInDialog(page).submit(PASSWORD)
    CreateBackupDialog(page).cancel()
    expect(page).to_have_url(path)
