"""Errors beside the fields of a dialog while the user corrects them, and the focus on a field with an error."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from playwright.sync_api import Browser, Locator, Page, expect

from console.testing.dialogs import CreateBackupDialog
from console.testing.pages import BackupManagement, BackupsAndRestorations, InstanceManagement
from console.text.description_rule import description_validators
from console.text.name_rule import name_validators
from console.text.password_rule import password_validators
from tests.e2e.contrast import contrast
from tests.e2e.stage import NARROW, Stage


def create_backup(page: Page, stage: Stage) -> CreateBackupDialog:
    return BackupsAndRestorations(page, stage.ids["real"]).open().create_backup()


def expect_errors(field: Locator, errors: list[str]) -> None:
    """Wait until the page shows exactly these errors beside the field."""
    box = field.locator("xpath=ancestor::*[@data-rules]")
    expect(box.locator("[data-errors] li")).to_have_text(errors)
    expect(box.locator("[aria-invalid]")).to_have_count(1 if errors else 0)


def test_errors_are_judged_while_typing_only_after_the_first_ok(staged_page: Page, stage: Stage) -> None:
    dialog = create_backup(staged_page, stage)
    name, description = dialog.field("Backup Name"), dialog.field("Description")
    name.fill("1")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    dialog.press().expect_error("Backup Name", "Start the name with a letter")

    # The caret is behind the name, so that a key adds to it.
    expect(name).to_be_focused()
    staged_page.keyboard.type("abc")
    expect(name).to_have_value("1abc")
    dialog.expect_error("Backup Name", "Start the name with a letter")
    expect_errors(name, ["Start the name with a letter (A-Z or a-z)."])
    staged_page.keyboard.press("Home")
    staged_page.keyboard.press("Delete")
    expect_errors(name, ["Use at least 4 characters (it has 3)."])
    staged_page.keyboard.press("End")
    staged_page.keyboard.type("d")
    expect_errors(name, [])
    expect(name).not_to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(re.compile(r"^4 to 64 characters\."))

    # A field that was right is judged too.
    description.fill("a > b")
    dialog.expect_error("Description", "Remove >: it may not contain")
    description.fill("a b")
    expect_errors(description, [])
    name.fill("")
    expect_errors(name, ["Fill in this field."])


def broken(validators: list[Callable[[Any], None]], text: str) -> list[str]:
    """Return the messages of the rules that the text breaks, as the server has them."""
    messages = []
    for validator in validators:
        try:
            validator(text)
        except ValidationError as error:
            messages += error.messages
    return messages


NAMES = [
    "abcd",
    "abc",
    "1abc",
    "-abc",
    "a" * 64,
    "a" * 65,
    "abcé",
    "a b c",
    "ａｂｃｄ",
    "abc😀",
    "😀",
    "a-_Z9",
    " abcd",
    "٣abc",
]
DESCRIPTIONS = [
    "plain",
    "x" * 256,
    "x" * 257,
    "😀" * 256,
    "😀" * 257,
    "a<b>&c",
    "quote ' \"",
    "a\tb",
    "déjà vu 备份",
    "👩\u200d💻",
]
DESCRIPTIONS += ["zero\u200bwidth", "turned\u202earound", "del\x7f", "one\u2028two", "=" * 300]
PASSWORDS = ["Aa1!aaaa", "Aa1!", "aaaaaaaa", "AAAAAAA1", "Aa1!" * 9, "Aa1! aaa", "Aa1!éaaa", "~!@#%^*-_=+?", "Aa1(aaaa"]


def test_the_page_judges_like_the_server(staged_page: Page, stage: Stage) -> None:
    dialog = create_backup(staged_page, stage).fill(name="1").press()
    dialog.expect_error("Backup Name", "Start")
    for label, validators, texts in (
        ("Backup Name", name_validators, NAMES),
        ("Description", description_validators, DESCRIPTIONS),
    ):
        for text in texts:
            dialog.field(label).fill(text)
            expect_errors(dialog.field(label), broken(validators, text))


def test_passwords_are_judged_together(staged_page: Page) -> None:
    dialog = InstanceManagement(staged_page).open().create_instance()
    password, again = (dialog.field(label) for label in ("Administrator Password", "Confirm Password"))
    dialog.type_password("short", again="other").press().expect_error("Confirm Password", "differ")
    for text in PASSWORDS:
        dialog.type_password(text)
        expect_errors(password, broken(password_validators, text))
        expect_errors(again, [])
    password.fill("Aa1!aaab")
    expect_errors(again, ["The two passwords differ."])


def test_a_name_to_confirm_is_judged_while_typing(staged_page: Page, stage: Stage) -> None:
    backups = BackupManagement(staged_page).open(q="rows-complete")
    dialog = backups.row("rows-complete").restore().change_to_original()
    confirm = dialog.field("Type the name of the instance to confirm")
    confirm.fill("rows-rea")
    dialog.press().expect_error("Type the name of the instance to confirm", "Type exactly this name: rows-real")
    confirm.press_sequentially("l")
    expect_errors(confirm, [])
    confirm.press_sequentially("l")
    expect_errors(confirm, ["Type exactly this name: rows-real"])


def test_the_retention_is_judged_while_typing(staged_page: Page, stage: Stage) -> None:
    dialog = BackupsAndRestorations(staged_page, stage.ids["real"]).open().modify_policy()
    dialog.turn(True).field("Retention Period (days)").fill("0")
    dialog.press().expect_error("Retention Period (days)", "Enter a whole number from 1 to 732.")
    for text, right in {"733": False, "7 days": False, "1.5": False, "": False, "732": True, " 7 ": True}.items():
        dialog.field("Retention Period (days)").fill(text)
        say = [] if right else ["Fill in this field." if not text else "Enter a whole number from 1 to 732."]
        expect_errors(dialog.field("Retention Period (days)"), say)


def test_a_new_name_is_judged_while_it_is_edited_in_place(staged_page: Page, stage: Stage) -> None:
    InstanceManagement(staged_page).open(q="rows-idle").row("rows-idle").choose("Rename")
    name = staged_page.get_by_role("textbox", name="DB Instance Name")
    expect(name).to_be_focused()
    staged_page.keyboard.type("!")
    expect(name).to_have_value("rows-idle!")
    staged_page.keyboard.press("Enter")
    expect(name).to_have_accessible_description(re.compile("Use only letters"))
    expect(name).to_be_focused()
    staged_page.keyboard.press("Backspace")
    expect(name).to_have_value("rows-idle")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    staged_page.keyboard.press("Escape")


def test_a_click_in_a_name_puts_the_caret_there(staged_page: Page, stage: Stage) -> None:
    dialog = create_backup(staged_page, stage)
    name = dialog.field("Backup Name")
    dialog.field("Description").focus()
    name.click(position={"x": 12, "y": 16})
    assert name.evaluate("(field) => [field.selectionStart, field.selectionEnd].every((at) => at < 3)")
    dialog.field("Description").focus()
    staged_page.keyboard.press("Shift+Tab")
    expect(name).to_be_focused()
    staged_page.keyboard.type("-x")
    expect(name).to_have_value(re.compile(r"^backup-[0-9a-f]{4}-x$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("label", ["Backup Name", "Description"])
def test_the_ring_of_the_focus_leaves_the_red_border_visible(
    stage: Stage, browser: Browser, scheme: str, label: str
) -> None:
    with stage.new_context(browser, color_scheme=scheme, viewport=NARROW) as context:
        dialog = create_backup(context.new_page(), stage).fill(name="1", description="<").press()
        field = dialog.field(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        field.focus()
        look = field.evaluate(
            "(node) => { const { borderTopWidth, outlineWidth, outlineOffset, outlineStyle } = getComputedStyle(node);"
            " return { borderTopWidth, outlineWidth, outlineOffset, outlineStyle } }"
        )
        # The ring is outside the border, with a gap.
        expected = {"borderTopWidth": "1px", "outlineWidth": "2px", "outlineOffset": "2px"}
        assert look == expected | {"outlineStyle": "solid"}
        assert contrast(field, "borderTopColor") >= 3
        assert contrast(field, "borderTopColor", ground="dialog") >= 3
        assert contrast(field, "outlineColor", ground="dialog") >= 3
