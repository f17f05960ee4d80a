"""The console in Chinese and in another time zone, in a real browser, with failure reasons from its agent."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from console.testing.dialogs import CreateBackupDialog
from console.testing.pages import (
    BackupDetail,
    BackupManagement,
    BasicInformation,
    ConsolePage,
    InstanceManagement,
    Overview,
    SignIn,
    TaskCenter,
)
from tests.e2e.bulk import fill
from tests.e2e.console import PASSWORD, Console


class SignInInChinese(SignIn):
    username, password, button = "用户名", "密码", "登录"


class TaskCenterInChinese(TaskCenter):
    heading = "任务中心"


class OverviewInChinese(Overview):
    heading = "总览"


class BackupManagementInChinese(BackupManagement):
    heading = "备份管理"

    def create_backup(self) -> "CreateBackupDialogInChinese":
        self._press("创建备份")
        return CreateBackupDialogInChinese(self.page)


class CreateBackupDialogInChinese(CreateBackupDialog):
    title, confirm = "创建备份", "确定"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a browser in Shanghai whose user reads English."""
    context = browser.new_context(timezone_id="Asia/Shanghai", locale="en-US")
    yield context.new_page()
    context.close()


@pytest.fixture
def signed_in(console: Console, page: Page) -> Page:
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    return page


def switch(page: Page, to: str) -> None:
    """Switch the language in the user menu with the keyboard."""
    ConsolePage(page).user_menu.press("ArrowDown")
    page.get_by_role("menuitemradio", name=to).press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", {"简体中文": "zh-hans", "English": "en"}[to])


def test_the_language_chosen_on_the_sign_in_page_is_kept(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/sign-in/?next=/tasks/")
    door = SignInInChinese(page)
    door.choose_language("简体中文")
    door.shown().submit("admin", PASSWORD)
    TaskCenterInChinese(page).shown().choose_in_user_menu("退出登录")
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    door.shown()


def test_a_chinese_browser_gets_the_console_in_chinese(console: Console, browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    SignInInChinese(page).open(console.url).shown()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    context.close()


def test_a_backup_is_created_in_chinese(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("in-chinese", "Single")
    fill(instance["port"], megabytes=1)
    BackupManagement(page).open()
    switch(page, "简体中文")
    backups = BackupManagementInChinese(page).shown()
    dialog = backups.create_backup()
    dialog.field("实例类型").select_option(label="单节点")
    dialog.field("实例名称").select_option(instance["id"])
    name, description = dialog.field("备份名称"), dialog.field("描述")
    name.fill("1")
    description.fill("a > b")
    dialog.press().expect_error("备份名称", "至少需要 4 个字符（当前 1 个）。")
    dialog.expect_error("描述", "请删除 >")
    name.fill("zhongwen")
    description.fill("每日备份")
    dialog.done()
    backups.expect_toast("正在将 in-chinese 备份为 zhongwen。")
    row = backups.row("zhongwen")
    row.expect_status("备份完成")
    row.expect_text("每日备份")
    expect(row.root).to_contain_text(re.compile(r"\d+\.\d\s[KM]B"))
    row.open("zhongwen").expect_text(re.compile(r"\d{1,3},\d{3} 字节"))


def test_the_reason_of_a_failure_is_in_the_language_of_the_reader(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("doomed-one")
    console.hooks.fail_next_backup(at=40)
    console.create_backup(instance["id"], "told-to-fail")
    failed = console.wait_backup("told-to-fail", "FAILED")
    assert failed["failure"] == "A test made this backup fail at 40 %."
    backup = BackupDetail(page, "told-to-fail", failed["id"]).open()
    backup.expect_text(failed["failure"])
    backup.expect_toast("Backup “told-to-fail” failed")
    switch(page, "简体中文")
    # The English reason is gone from the page, and so is the toast, which cannot be translated.
    expect(page.get_by_text(failed["failure"])).to_have_count(0)
    backup.expect_no_toast("told-to-fail")
    backup.expect_text("测试使此备份在 40 % 处失败。")
    TaskCenterInChinese(page).open().row("备份", "doomed-one").expect_text("测试使此备份在 40 % 处失败。")


def test_chinese_headers_stay_on_one_line(signed_in: Page, console: Console) -> None:
    page = signed_in
    console.create_instance("one-line")
    page.set_viewport_size({"width": 1440, "height": 800})
    InstanceManagement(page).open()
    switch(page, "简体中文")
    header = page.get_by_role("columnheader", name="数据库版本")
    expect(header).to_be_visible()
    assert header.evaluate("(node) => node.getBoundingClientRect().height") <= 33


def test_times_are_in_the_zone_of_the_viewer_with_utc_on_hover_and_focus(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("zoned")
    basic = BasicInformation(page, instance["id"]).open()
    created = basic.fact("Created").get_by_role("time").first
    expect(created).to_have_text(re.compile(r"^[A-Z][a-z]{2} \d+, \d{4} \d\d:\d\d:\d\d UTC\+8$"))
    utc = created.get_attribute("data-utc") or ""
    assert utc.endswith(" UTC")
    hours = [int(re.findall(r"(\d\d):\d\d:\d\d", text)[0]) for text in (created.inner_text(), utc)]
    assert (hours[0] - hours[1]) % 24 == 8

    def tip() -> str:
        shown = "getComputedStyle(e, '::after')"
        return str(created.evaluate(f"e => {shown}.visibility === 'visible' ? {shown}.content : ''"))

    assert tip() == ""
    created.hover()
    assert utc in tip()
    page.mouse.move(0, 0)
    assert tip() == ""
    page.keyboard.press("Tab")
    created.focus()
    assert utc in tip()
    expect(created).to_have_accessible_description(utc)

    switch(page, "简体中文")
    moment, age = (basic.fact("创建时间").get_by_role("time").nth(number) for number in range(2))
    expect(moment).to_have_text(re.compile(r"^\d{4}年\d+月\d+日 \d\d:\d\d:\d\d UTC\+8$"))
    expect(age).to_have_text(re.compile(r"^(\d+ \D+前|现在)$"))
    # The list shows the task that created the instance; an empty list would have no filters.
    TaskCenterInChinese(page).open()
    expect(page.get_by_label("开始时间（Asia/Shanghai）")).to_have_count(1)


def test_the_language_switch_works_without_javascript(console: Console, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    SignIn(page).open(console.url).choose_language("简体中文")
    SignInInChinese(page).shown().submit("admin", PASSWORD)
    overview = OverviewInChinese(page).shown()
    expect(page.locator("time.moment")).to_have_count(0)
    overview.choose_in_user_menu("English")
    Overview(page).shown()
    context.close()
