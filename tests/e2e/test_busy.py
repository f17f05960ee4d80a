"""What people see at once after a click when the console answers late: 2.5 s later, by routing."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from console.testing.dialogs import CreateBackupDialog
from console.testing.pages import BackupManagement, BackupsAndRestorations, InstanceManagement
from tests.e2e.contrast import contrast
from tests.e2e.stage import Stage

LATENCY_MS = 2500
WIDTHS = (360, 768, 1024, 1180, 1280, 1440, 1920)
# Notes how many milliseconds after the next click something in the page becomes busy.
WATCH = """() => {
  window.feedback = null;
  let clicked = 0;
  document.addEventListener("click", () => (clicked ||= performance.now()), { capture: true, once: true });
  document.addEventListener("change", () => (clicked ||= performance.now()), { capture: true, once: true });
  new MutationObserver((records, observer) => {
    if (!records.some(({ target }) => target.ariaBusy === "true")) return;
    window.feedback = performance.now() - clicked;
    observer.disconnect();
  }).observe(document.body, { attributes: true, attributeFilter: ["aria-busy"], subtree: true });
}"""


class Late:
    """Holds the answers to requests for a path until 2.5 s after they were sent, and counts them."""

    def __init__(self, page: Page, path: str) -> None:
        self.page, self.asked = page, 0
        page.route(path, self.hold)

    def hold(self, route: Route) -> None:
        if "HX-Request" not in route.request.headers and "hx-request" not in route.request.headers:
            return route.continue_()
        self.asked += 1
        started = time.monotonic()
        answer = route.fetch()
        self.page.wait_for_timeout(max(0, LATENCY_MS - 1000 * (time.monotonic() - started)))
        route.fulfill(response=answer)


@pytest.fixture
def moving(stage: Stage, browser: Browser) -> Iterator[Page]:
    """A page with motion, to see what moves."""
    with stage.new_context(browser, reduced_motion="no-preference") as context:
        yield context.new_page()


def expect_feedback(page: Page) -> None:
    assert page.evaluate("window.feedback") < 100


def box(node: Locator) -> tuple[float, float, float, float]:
    found = node.bounding_box()
    assert found
    return found["x"], found["y"], found["width"], found["height"]


def test_a_button_that_opens_a_dialog_is_busy_at_once_and_opens_it_once(staged_page: Page, stage: Stage) -> None:
    BackupsAndRestorations(staged_page, stage.ids["real"]).open()
    button = staged_page.get_by_role("link", name="Create Backup").first
    late = Late(staged_page, "**/backups/create/")
    place = box(button)
    staged_page.evaluate(WATCH)
    button.dblclick()
    expect(button).to_have_attribute("aria-busy", "true")
    expect_feedback(staged_page)
    assert box(button) == place
    expect(staged_page.locator("#announcer")).to_have_text("Loading…")
    dialog = CreateBackupDialog(staged_page)
    expect(button).not_to_have_attribute("aria-busy", "true")
    dialog.field("Description").fill("Stays")
    dialog.cancel()
    assert late.asked == 1


def test_the_menu_of_a_row_is_busy_while_its_dialog_opens_and_refreshes_do_not_change_that(
    staged_page: Page, stage: Stage
) -> None:
    row = InstanceManagement(staged_page).open(q="rows-idle").row("rows-idle")
    Late(staged_page, "**/restart/")
    row.choose("Restart")
    expect(row.more).to_have_attribute("aria-busy", "true")
    with staged_page.expect_response("**/instances/?**"):
        staged_page.evaluate("htmx.trigger(document.body, 'refresh')")
    expect(row.more).to_have_attribute("aria-busy", "true")
    dialog = staged_page.get_by_role("dialog", name="Restart DB Instance")
    expect(dialog).to_be_visible()
    expect(row.more).not_to_have_attribute("aria-busy", "true")
    # A restart destroys nothing.
    expect(dialog.get_by_role("button", name="Yes")).to_have_class("button primary")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ok_stays_readable_while_it_submits_and_submits_once(stage: Stage, browser: Browser, scheme: str) -> None:
    with stage.new_context(browser, color_scheme=scheme) as context:
        page = context.new_page()
        dialog = BackupsAndRestorations(page, stage.ids["real"]).open().create_backup().fill(name="1")
        ok = dialog.button("OK")
        late = Late(page, "**/backups/create/")
        place = box(ok)
        page.evaluate(WATCH)
        ok.dblclick()
        expect(ok).to_have_attribute("aria-busy", "true")
        expect_feedback(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert contrast(ok, "color") >= 4.5, width
        page.mouse.move(0, 0)
        assert contrast(ok, "color") >= 4.5
        assert box(ok)[2:] == place[2:]
        ring = ok.evaluate("(node) => getComputedStyle(node, '::before').borderTopWidth")
        assert ring == "2px"
        dialog.expect_error("Backup Name", "at least 4")
        assert late.asked == 1
        expect(ok).not_to_have_attribute("aria-busy", "true")


def test_no_instance_can_be_chosen_while_those_of_another_type_are_loaded(staged_page: Page, stage: Stage) -> None:
    dialog = BackupManagement(staged_page).open().create_backup()
    dialog.choose(type="Replica set", instance="rows-real")
    Late(staged_page, "**/instance-options/**")
    names = dialog.field("DB Instance Name")
    staged_page.evaluate(WATCH)
    dialog.field("DB Instance Type").select_option(label="Single node")
    expect(names).to_be_disabled()
    expect(names.get_by_role("option")).to_have_text(["Loading…"])
    expect_feedback(staged_page)
    # OK waits: it would submit the form without an instance.
    submitted: list[str] = []
    staged_page.on("request", lambda request: submitted.append(request.method) if request.method == "POST" else None)
    dialog.button("OK").click(force=True)
    assert contrast(dialog.button("OK"), "color") >= 4.5
    expect(names).to_be_enabled()
    expect(names.get_by_role("option", name="rows-real")).to_have_count(0)
    expect(names.get_by_role("option").first).not_to_have_text("Loading…")
    assert submitted == []
    expect(dialog.button("OK")).not_to_have_attribute("aria-disabled", "true")


def test_without_an_answer_the_old_instances_can_be_chosen_again(staged_page: Page) -> None:
    dialog = BackupManagement(staged_page).open().create_backup()
    dialog.choose(type="Replica set", instance="rows-real")
    staged_page.route("**/instance-options/**", lambda route: route.abort())
    dialog.field("DB Instance Type").select_option(label="Single node")
    dialog.expect_refused("is not responding")
    names = dialog.field("DB Instance Name")
    expect(names).to_be_enabled()
    expect(names.get_by_role("option", name="rows-real")).to_have_count(1)


def test_with_motion_the_ring_turns_and_without_it_stays(moving: Page, staged_page: Page, stage: Stage) -> None:
    for page, animation in ((moving, "turn"), (staged_page, "none")):
        dialog = BackupsAndRestorations(page, stage.ids["real"]).open().create_backup().fill(name="1")
        Late(page, "**/backups/create/")
        dialog.press()
        ok = dialog.button("OK")
        expect(ok).to_have_attribute("aria-busy", "true")
        assert ok.evaluate("(node) => getComputedStyle(node, '::before').animationName") == animation
        dialog.expect_error("Backup Name", "at least 4")
