"""Roles, sessions, the throttle and the audit in the real console, in a real browser."""

import re
import subprocess
import sys

from playwright.sync_api import Browser, Page, expect

from tests.e2e.console import PASSWORD, ROOT, Console


def manage_user(console: Console, name: str, role: str) -> str:
    """Make the user, or give another role, as an administrator does; return what the command printed."""
    command = [sys.executable, "manage.py", "user", name, "--role", role]
    done = subprocess.run(command, cwd=ROOT, env=console.environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def make_user(console: Console, name: str, role: str) -> str:
    """Make the user and return the password."""
    found = re.search(r"Password:\s+(\S+)", manage_user(console, name, role))
    assert found
    return found.group(1)


def sign_in(page: Page, console: Console, name: str, password: str) -> None:
    page.goto(f"{console.url}/sign-in/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_role_that_is_taken_away_is_gone_at_once_and_the_page_says_so(console: Console, browser: Browser) -> None:
    instance = console.create_instance("looked-at")
    page = browser.new_context().new_page()
    sign_in(page, console, "demoted", make_user(console, "demoted", "backup-operator"))
    page.get_by_role("link", name="Instance Management").click()
    row = page.locator(f"#instance-{instance['id']}")
    row.get_by_role("link", name="Create Backup").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    manage_user(console, "demoted", "read-only")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Your role (Read-only) may not do this.")

    page.reload()
    button = row.get_by_role("button", name="Create Backup")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.hover()
    expect(row.get_by_role("tooltip")).to_contain_text("Your role (Read-only) may not do this.")
    expect(page.get_by_role("link", name="Audit", exact=True)).to_have_count(0)
    assert console.instance("looked-at")["action"] == ""


def test_the_audit_says_who_did_what_and_can_be_filtered(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("audited")
    page.get_by_role("link", name="Audit", exact=True).click()
    row = page.get_by_role("row").filter(has_text=instance["id"])
    for text in ("admin", "ddsCreateInstance", "audited", "127.0.0.1", "Succeeded"):
        expect(row).to_contain_text(text)
    page.get_by_label("Resource name or ID").fill("audited")
    page.get_by_label("Resource name or ID").press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(re.compile("resource=audited"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    text = download.value.path().read_text()
    assert text.count("\n") == 2 and "ddsCreateInstance" in text


def test_a_session_is_ended_from_another_one(signed_in: Page, console: Console, browser: Browser) -> None:
    page, other = signed_in, browser.new_context(user_agent="curl/8.5.0").new_page()
    sign_in(other, console, "admin", PASSWORD)
    expect(other.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.get_by_role("button", name="admin").click()
    page.get_by_role("menuitem", name="Sessions").click()
    row = page.get_by_role("row").filter(has_text="curl")
    row.get_by_role("button", name="End").click()
    expect(page.get_by_text("The session has ended.")).to_be_visible()
    expect(row).to_have_count(0)
    other.reload()
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()


def test_changing_the_password_keeps_this_session_and_the_new_one_signs_in(console: Console, browser: Browser) -> None:
    password = make_user(console, "changer", "read-only")
    page = browser.new_context().new_page()
    sign_in(page, console, "changer", password)
    page.get_by_role("button", name="changer").click()
    page.get_by_role("menuitem", name="Change password").click()
    page.get_by_label("Old password").fill(password)
    page.get_by_label("New password", exact=True).fill("battery staple 7")
    page.get_by_label("New password confirmation").fill("battery staple 7")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The password is changed.")).to_be_visible()
    again = browser.new_context().new_page()
    sign_in(again, console, "changer", "battery staple 7")
    expect(again.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def test_too_many_failures_lock_the_door_and_say_for_how_long(console: Console, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    for _ in range(5):
        sign_in(page, console, "somebody", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Too many failed attempts to sign in. Try again in 15 minutes.")
    expect(page.get_by_label("Username")).to_have_value("somebody")
