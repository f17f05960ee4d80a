"""The console in Chinese and in another time zone, in a real browser, with reasons that its agent wrote."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from console.testing.pages import SignIn
from tests.e2e.bulk import fill
from tests.e2e.console import PASSWORD, Console
from tests.waiting import wait_for


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser in Shanghai whose user reads English."""
    context = browser.new_context(timezone_id="Asia/Shanghai", locale="en-US")
    yield context.new_page()
    context.close()


@pytest.fixture
def signed_in(console: Console, page: Page) -> Page:
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    return page


def switch(page: Page, to: str) -> None:
    """By the user menu, with the keyboard."""
    page.get_by_role("banner").get_by_role("button", name="admin").press("ArrowDown")
    page.get_by_role("menuitemradio", name=to).press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", {"简体中文": "zh-hans", "English": "en"}[to])


def test_the_sign_in_page_has_the_switch_and_the_choice_stays(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/sign-in/?next=/tasks/")
    page.get_by_role("button", name="简体中文").click()
    page.get_by_label("用户名").fill("admin")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="任务中心", level=1)).to_be_visible()
    page.get_by_role("banner").get_by_role("button", name="admin").click()
    page.get_by_role("menuitem", name="退出登录").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()


def test_a_browser_in_chinese_gets_chinese(console: Console, browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(console.url)
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    context.close()


def test_a_backup_is_created_in_chinese(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("in-chinese", "Single")
    fill(instance["port"], megabytes=1)
    page.goto(f"{console.url}/backups/")
    switch(page, "简体中文")
    expect(page.get_by_role("heading", name="备份管理", level=1)).to_be_visible()
    page.get_by_role("link", name="创建备份").first.click()
    dialog = page.get_by_role("dialog", name="创建备份")
    dialog.get_by_label("实例类型").select_option(label="单节点")
    dialog.get_by_label("实例名称").select_option(instance["id"])
    name = dialog.get_by_label("备份名称")
    name.fill("1")
    dialog.get_by_label("描述").fill("a > b")
    dialog.get_by_role("button", name="确定").click()
    expect(name).to_have_accessible_description(re.compile("至少需要 4 个字符（当前 1 个）。"))
    expect(dialog.get_by_label("描述")).to_have_accessible_description(re.compile("请删除 >"))
    name.fill("zhongwen")
    dialog.get_by_label("描述").fill("每日备份")
    dialog.get_by_role("button", name="确定").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("status").filter(has_text="正在将 in-chinese 备份为 zhongwen。")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="zhongwen")
    expect(row).to_contain_text("备份完成")
    expect(row).to_contain_text("每日备份")
    expect(row).to_contain_text(re.compile(r"\d+\.\d\s[KM]B"))
    page.goto(f"{console.url}/backups/{console.backup('zhongwen')['id']}/")
    expect(page.get_by_text(re.compile(r"\d{1,3},\d{3} 字节"))).to_be_visible()


def test_why_the_agent_failed_is_said_in_the_reader_s_language(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("damaged-one")
    data = console.home / "instances" / instance["id"] / "data" / "bulk.db"
    fill(instance["port"], megabytes=4)
    # SQLite has moved pages from its log to the file.
    wait_for(lambda: data.stat().st_size > 500_000, because="pages in the file")
    with data.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096 * 20)
    console.create_backup(instance["id"], "of-damage")
    failed = console.wait_backup("of-damage", "FAILED")
    assert "bulk" in failed["failure"]
    page.goto(f"{console.url}/backups/{failed['id']}/")
    expect(page.get_by_text(failed["failure"])).to_be_visible()
    switch(page, "简体中文")
    expect(page.get_by_text(failed["failure"])).to_have_count(0)
    expect(page.get_by_text(re.compile("数据库 bulk"))).to_be_visible()
    page.goto(f"{console.url}/tasks/")
    row = page.get_by_role("row").filter(has_text="damaged-one").filter(has_text="物理备份")
    expect(row).to_contain_text("数据库 bulk")


def test_times_are_the_viewer_s_with_utc_on_hover_and_focus(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("zoned")
    page.goto(f"{console.url}/instances/{instance['id']}/")
    created = page.locator("time.moment").first
    expect(created).to_have_text(re.compile(r"^[A-Z][a-z]{2} \d+, \d{4} \d\d:\d\d:\d\d CST$"))
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
    expect(page.locator("time.moment").first).to_have_text(re.compile(r"^\d{4}年\d+月\d+日 \d\d:\d\d:\d\d CST$"))
    expect(page.locator("time[data-relative]").first).to_have_text(re.compile("前|现在"))
    page.goto(f"{console.url}/backups/")
    expect(page.get_by_label("开始时间（Asia/Shanghai）")).to_have_count(1)


def test_the_switch_needs_no_script(console: Console, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    page.goto(f"{console.url}/sign-in/")
    page.get_by_role("button", name="简体中文").click()
    page.get_by_label("用户名").fill("admin")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="总览", level=1)).to_be_visible()
    expect(page.locator("time.moment")).to_have_count(0)
    page.get_by_role("banner").get_by_role("button", name="admin").click()
    page.get_by_role("menuitemradio", name="English").click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    context.close()
