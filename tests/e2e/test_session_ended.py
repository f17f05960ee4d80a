"""A session that ends while people work: the page and the dialog stay, and nothing that was typed is lost."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from console.testing.dialogs import CreateBackupDialog, SignInDialog
from console.testing.pages import BackupsAndRestorations, InstanceManagement, Password, SignIn
from tests.e2e.console import PASSWORD, Console
from tests.e2e.test_accessibility import judged
from tests.e2e.test_account import make_user

WIDTHS = (360, 768, 1024, 1180, 1280, 1440, 1920)


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, str]:
    return console.create_instance("interrupted", "Single")


@pytest.fixture
def elsewhere(console: Console, browser: Browser) -> Iterator[Page]:
    # Turn motion off: during a transition a colour is not yet the final one.
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        yield page


def end_session(console: Console, page: Page) -> None:
    """End the page's session on the server, as another session or a change of the password does."""
    key = next(each.get("value") for each in page.context.cookies() if each.get("name", "").endswith("-session"))
    code = f"from console.accounts.models import *; print(UserSession.objects.filter(session_key={key!r}).delete())"
    assert "(1," in console.manage("shell", "-c", code)


def typing(page: Page, instance: dict[str, str], description: str = "Typed before the end") -> CreateBackupDialog:
    dialog = BackupsAndRestorations(page, instance["id"]).open().create_backup()
    dialog.field("Description").fill(description)
    return dialog


def test_a_dialog_keeps_what_was_typed_and_ok_works_after_the_sign_in(
    elsewhere: Page, console: Console, instance: dict[str, str]
) -> None:
    page = elsewhere
    dialog = typing(page, instance)
    dialog.field("Backup Name").fill("interrupted-once")
    end_session(console, page)
    banner = BackupsAndRestorations(page, instance["id"]).expect_session_ended()
    url = page.url
    # The banner is in the dialog, which keeps the focus; nothing that was there before has moved.
    expect(dialog.root.get_by_role("alert")).to_have_text(banner.inner_text().replace("\n", " ") or "")
    expect(dialog.field("Backup Name")).to_be_focused()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 700})
        box, inside = banner.bounding_box(), dialog.root.bounding_box()
        assert box and inside and box["x"] >= inside["x"] and box["width"] <= inside["width"], width
        expect(banner).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width

    assert judged(page) == []
    dialog.press()
    door = SignInDialog(page)
    expect(door.field("Username")).to_have_value("admin")
    assert judged(page) == []
    expect(door.field("Password")).to_be_focused()
    door.fill("wrong").press()
    door.expect_refused("correct username and password")
    expect(door.field("Username")).to_have_value("admin")
    # Escape closes only the sign-in.
    page.keyboard.press("Escape")
    door.expect_closed()
    expect(dialog.field("Description")).to_have_value("Typed before the end")
    expect(dialog.button("OK")).to_be_focused()
    banner.get_by_role("button", name="Sign in").click()
    SignInDialog(page).submit(PASSWORD)
    expect(banner).to_be_hidden()
    assert page.url == url
    expect(dialog.field("Backup Name")).to_have_value("interrupted-once")
    dialog.done()
    BackupsAndRestorations(page, instance["id"]).row("interrupted-once").expect_status("Complete")
    assert console.backup("interrupted-once")["description"] == "Typed before the end"
    console.wait_available("interrupted")


def test_another_user_gets_a_fresh_page(elsewhere: Page, console: Console, instance: dict[str, str]) -> None:
    password = make_user(console, "successor", "read-only")
    dialog = typing(elsewhere, instance, "Nobody else's")
    end_session(console, elsewhere)
    dialog.press()
    SignInDialog(elsewhere).fill(password, username="successor").press()
    dialog.expect_closed()
    page = BackupsAndRestorations(elsewhere, instance["id"]).shown()
    expect(page.user_menu).to_have_text("successor")
    expect(elsewhere.get_by_text("Nobody else's")).to_have_count(0)


def test_the_page_says_so_and_lists_go_on_after_the_sign_in(elsewhere: Page, console: Console) -> None:
    page = InstanceManagement(elsewhere).open()
    elsewhere.evaluate("window.same = true")
    end_session(console, elsewhere)
    banner = page.expect_session_ended()
    asked: list[str] = []
    elsewhere.on("request", lambda request: asked.append(request.url))
    for width in WIDTHS:
        elsewhere.set_viewport_size({"width": width, "height": 700})
        expect(banner).to_be_in_viewport(ratio=1)
        assert elsewhere.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    assert asked == []
    banner.get_by_role("button", name="Sign in").click()
    SignInDialog(elsewhere).submit(PASSWORD)
    console.create_instance("made-after-the-sign-in")
    page.row("made-after-the-sign-in").expect_status("Available")
    assert elsewhere.evaluate("window.same")


def test_a_form_on_a_page_keeps_what_was_typed(elsewhere: Page, console: Console) -> None:
    form = Password(elsewhere).open()
    old = elsewhere.get_by_label("Old password")
    old.fill("not the password")
    end_session(console, elsewhere)
    form.expect_session_ended().get_by_role("button", name="Sign in").click()
    SignInDialog(elsewhere).submit(PASSWORD)
    expect(old).to_have_value("not the password")
    elsewhere.get_by_role("main").get_by_role("button", name="Change password").click()
    form.expect_error("Old password", "incorrect")


def test_after_a_sign_in_in_another_tab_the_dialog_goes_on(
    elsewhere: Page, console: Console, instance: dict[str, str]
) -> None:
    dialog = typing(elsewhere, instance)
    end_session(console, elsewhere)
    SignIn(elsewhere.context.new_page()).open(console.url).submit("admin", PASSWORD)
    dialog.field("Backup Name").fill("two-tabs")
    dialog.press().expect_refused("Press the button again.")
    dialog.done()
    console.wait_backup("two-tabs")
    console.wait_available("interrupted")


def test_without_javascript_the_form_comes_back_after_the_sign_in(
    browser: Browser, console: Console, instance: dict[str, str]
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        page.goto(f"{console.url}/instances/{instance['id']}/backups/create/")
        page.get_by_label("Backup Name").fill("without-script")
        page.get_by_label("Description").fill("Typed before the end")
        end_session(console, page)
        page.get_by_role("button", name="OK").click()
        expect(page.get_by_text("the form keeps what you typed")).to_be_visible()
        SignIn(page).submit("admin", PASSWORD)
        page.get_by_role("button", name="Back to the form").click()
        expect(page.get_by_label("Description")).to_have_value("Typed before the end")
        page.get_by_role("button", name="OK").click()
        console.wait_backup("without-script")
        console.wait_available("interrupted")
