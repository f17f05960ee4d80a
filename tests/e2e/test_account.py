"""Roles, sessions, the sign-in throttle and the audit in the real console, in a real browser."""

import re

from playwright.sync_api import Browser, Page, expect

from console.testing.pages import Audit, InstanceManagement, Password, Sessions, SignIn
from tests.e2e.console import PASSWORD, Console


def make_user(console: Console, name: str, role: str) -> str:
    """Create the user and return the password."""
    found = re.search(r"Password:\s+(\S+)", console.manage("user", name, "--role", role))
    assert found
    return found.group(1)


def test_a_demoted_user_loses_permissions_at_once_and_the_page_explains_why(console: Console, browser: Browser) -> None:
    console.create_instance("looked-at")
    page = browser.new_context().new_page()
    SignIn(page).open(console.url).submit("demoted", make_user(console, "demoted", "backup-operator"))
    instances = InstanceManagement(page).open()
    row = instances.row("looked-at")
    dialog = row.create_backup()
    console.manage("user", "demoted", "--role", "read-only")
    dialog.press().expect_refused("Your role (Read-only) does not allow this.")

    instances.open()
    button = row.operation("Create Backup")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.hover()
    expect(row.root.get_by_role("tooltip")).to_contain_text("Your role (Read-only) does not allow this.")
    expect(page.get_by_role("link", name="Audit", exact=True)).to_have_count(0)
    assert console.instance("looked-at")["action"] == ""


def test_the_audit_shows_who_did_what_and_can_be_filtered(signed_in_page: Page, console: Console) -> None:
    instance = console.create_instance("audited")
    audit = Audit(signed_in_page).open()
    row = audit.row("ddsCreateInstance", instance["id"])
    for text in ("admin", "audited", "127.0.0.1", "Succeeded"):
        expect(row).to_contain_text(text)
    audit.filter("Resource name or ID", "audited")
    expect(audit.rows()).to_have_count(1)
    expect(signed_in_page).to_have_url(re.compile("resource=audited"))
    text = audit.export().text
    assert text.count("\n") == 2 and "ddsCreateInstance" in text


def test_a_page_that_the_browser_kept_is_loaded_again(signed_in_page: Page) -> None:
    page = signed_in_page
    Audit(page).open()
    page.context.clear_cookies()
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    expect(page.locator("body")).to_be_hidden()
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    SignIn(page).shown()


def test_a_user_ends_a_session_from_another_session(signed_in_page: Page, console: Console, browser: Browser) -> None:
    other = browser.new_context(user_agent="curl/8.5.0").new_page()
    SignIn(other).open(console.url).submit("admin", PASSWORD)
    sessions = Sessions(signed_in_page)
    sessions.choose_in_user_menu("Sessions")
    sessions.shown().end("curl")
    expect(sessions.row("curl")).to_have_count(0)
    other.reload()
    SignIn(other).shown()


def test_changing_the_password_keeps_the_session_and_the_new_password_works(console: Console, browser: Browser) -> None:
    password = make_user(console, "changer", "read-only")
    page = browser.new_context().new_page()
    SignIn(page).open(console.url).submit("changer", password)
    form = Password(page)
    form.choose_in_user_menu("Change password")
    form.shown().attempt(old="wrong", new="battery staple 7")
    form.expect_error("Old password", "incorrect")
    form.change(old=password, new="battery staple 7")
    SignIn(browser.new_context().new_page()).open(console.url).submit("changer", "battery staple 7")


def test_too_many_failed_sign_ins_are_blocked_with_the_waiting_time(console: Console, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    door = SignIn(page)
    for _ in range(5):
        door.open(console.url).attempt("somebody", "wrong")
    door.expect_error("Too many failed attempts. Try again in 15 minutes.")
    expect(page.get_by_label("Username")).to_have_value("somebody")
