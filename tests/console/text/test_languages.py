import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from console.text import times
from instances.choices import JobKind, JobStatus, State
from instances.models import Instance, Job
from tests.answers import read
from tests.factories import make_backup, make_host, make_instance, make_job

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
MOMENT = datetime(2026, 11, 22, 1, 14, 3, tzinfo=UTC)


def choose(client: Client, language: str, **extra: str) -> Any:
    return client.post("/language/", {"language": language, **extra})


def rendered(template: str, **inputs: object) -> str:
    return Template(template).render(Context(inputs))


# --- The language ---------------------------------------------------------------------------------------------


def test_a_browser_that_prefers_chinese_gets_chinese_from_the_first_page(client: Client) -> None:
    page = client.get("/sign-in/", headers=CHINESE)
    assert '<html lang="zh-hans">' in page.text
    assert "登录" in page.text
    assert "Accept-Language" in page["Vary"]
    assert "Cookie" in page["Vary"]


@pytest.mark.parametrize("preferred", ["", "en-GB", "de", "xx"])
def test_every_other_browser_gets_english(client: Client, preferred: str) -> None:
    page = client.get("/sign-in/", headers={"Accept-Language": preferred})
    assert '<html lang="en">' in page.text
    assert "Sign in" in page.text


def test_the_language_can_be_chosen_before_signing_in(client: Client) -> None:
    answer = choose(client, "zh-hans", next="/sign-in/?next=/tasks/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/tasks/")
    cookie = client.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("zh-hans", True, "Lax")
    assert int(cookie["max-age"]) >= 30 * 24 * 3600
    assert "登录" in client.get("/sign-in/").text


def test_the_choice_overrides_the_browsers_preference_and_outlasts_the_session(plain: Client) -> None:
    choose(plain, "en")
    assert "Instance Management" in plain.get("/instances/", headers=CHINESE).text
    choose(plain, "zh-hans")
    plain.logout()
    plain.cookies.load({settings.LANGUAGE_COOKIE_NAME: "zh-hans"})
    assert "登录" in plain.get("/sign-in/").text


def test_a_user_without_a_role_can_choose_too(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("nobody"))
    choose(client, "zh-hans")
    assert "您的用户尚未分配角色" in client.get("/instances/").text


def test_the_choice_never_leads_to_another_site(client: Client) -> None:
    assert choose(client, "zh-hans", next="https://elsewhere.example/")["Location"] == "/"


def test_an_unknown_language_changes_nothing(client: Client) -> None:
    choose(client, "tlh", next="/sign-in/")
    assert settings.LANGUAGE_COOKIE_NAME not in client.cookies


def test_the_choice_requires_a_post_with_a_csrf_token(client: Client) -> None:
    assert client.get("/language/").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/language/", {"language": "zh-hans"}).status_code == 403


@pytest.mark.parametrize("headers", [{}, CHINESE], ids=["english", "chinese"])
@pytest.mark.parametrize("path", ["/sign-in/", "/instances/"])
def test_each_language_is_offered_under_its_own_name(user: User, path: str, headers: dict[str, str]) -> None:
    client = Client(headers=headers)
    if path != "/sign-in/":
        client.force_login(user)
    page = client.get(path + "?q=a").text
    for language, own_name in (("zh-hans", "简体中文"), ("en", "English")):
        assert re.search(f'value="{language}" lang="{language}"[^>]*>{own_name}</button>', page)
    assert f'<input type="hidden" name="next" value="{path}?q=a">' in page


def test_djangos_own_messages_are_in_chinese_too(client: Client, db: None) -> None:
    choose(client, "zh-hans")
    page = client.post("/sign-in/", {"username": "a", "password": "b"})
    assert "用户名或密码错误" in page.text


# --- The time zone --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "utc_hour"),
    [("Asia/Shanghai", 1), ("America/New_York", 14), ("UTC", 9), ("", 9), ("Mars/Olympus", 9), ("../../etc/passwd", 9)],
)
def test_an_unknown_time_zone_means_utc(name: str, utc_hour: int) -> None:
    local = datetime(2026, 11, 22, 9, tzinfo=times.zone_named(name))
    assert local.astimezone(UTC).hour == utc_hour


def test_times_are_in_the_viewers_zone_with_utc_in_a_tooltip(plain: Client) -> None:
    instance = make_instance()
    make_backup(instance, started=MOMENT)
    plain.cookies.load({settings.TIME_ZONE_COOKIE_NAME: "Asia/Shanghai"})
    page = read(plain.get("/backups/").text)
    assert (
        '<time datetime="2026-11-22T01:14:03+00:00" class="moment" tabindex="0" '
        'data-utc="Nov 22, 2026 01:14:03 UTC" aria-description="Nov 22, 2026 01:14:03 UTC">'
        "Nov 22, 2026 09:14:03 UTC+8</time>"
    ) in page


def test_one_viewers_zone_does_not_affect_the_next_viewer(plain: Client) -> None:
    make_backup(make_instance(), started=MOMENT)
    plain.cookies.load({settings.TIME_ZONE_COOKIE_NAME: "Asia/Shanghai"})
    assert "09:14:03 UTC+8" in read(plain.get("/backups/").text)
    del plain.cookies[settings.TIME_ZONE_COOKIE_NAME]
    page = read(plain.get("/backups/").text)
    assert '<time datetime="2026-11-22T01:14:03+00:00">Nov 22, 2026 01:14:03 UTC</time>' in page
    assert "UTC+8" not in page


@pytest.mark.parametrize(
    ("language", "zone", "written"),
    [
        ("en", "Europe/Berlin", "Nov 22, 2026 02:14:03 UTC+1"),
        ("en", "America/Sao_Paulo", "Nov 21, 2026 22:14:03 UTC-3"),
        # Its abbreviation, CST, is also Shanghai's.
        ("en", "America/Chicago", "Nov 21, 2026 19:14:03 UTC-6"),
        ("en", "Asia/Kolkata", "Nov 22, 2026 06:44:03 UTC+5:30"),
        ("en", "America/St_Johns", "Nov 21, 2026 21:44:03 UTC-3:30"),
        ("en", "Europe/London", "Nov 22, 2026 01:14:03 UTC"),
        ("zh-hans", "Asia/Shanghai", "2026年11月22日 09:14:03 UTC+8"),
        ("zh-hans", "UTC", "2026年11月22日 01:14:03 UTC"),
    ],
)
def test_a_time_is_written_in_the_format_of_the_language(language: str, zone: str, written: str) -> None:
    with override(language):
        assert times.moment(MOMENT.astimezone(ZoneInfo(zone))) == written


def test_filters_read_times_in_the_zone_that_they_name(plain: Client) -> None:
    make_backup(make_instance(), name="by-day", started=MOMENT)
    plain.cookies.load({settings.TIME_ZONE_COOKIE_NAME: "Asia/Shanghai"})
    page = plain.get("/backups/?since=2026-11-22T09:14&until=2026-11-22T09:15").text
    assert "From (Asia/Shanghai)" in page
    assert "by-day" in page
    assert "by-day" not in plain.get("/backups/?since=2026-11-22T09:15").text
    del plain.cookies[settings.TIME_ZONE_COOKIE_NAME]
    page = plain.get("/backups/?since=2026-11-22T01:14&until=2026-11-22T01:15").text
    assert "From (UTC)" in page
    assert "by-day" in page


def test_a_day_is_that_of_the_viewers_zone_too(plain: Client) -> None:
    with timezone.override(ZoneInfo("Asia/Shanghai")):
        written = rendered("{% load times %}{% day when %}", when=datetime(2026, 11, 22, 20, tzinfo=UTC))
    assert ">Nov 23, 2026</time>" in written
    assert 'data-utc="Nov 22, 2026 20:00:00 UTC"' in written


# --- Figures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "size", "small", "count"),
    [("en", "1.5\xa0GB", "700\xa0bytes", "1,234,567"), ("zh-hans", "1.5\xa0GB", "700\xa0字节", "1,234,567")],
)
def test_figures_are_written_in_the_format_of_the_language(language: str, size: str, small: str, count: str) -> None:
    with override(language):
        assert rendered("{{ n|filesizeformat }}", n=1536 * 1024**2) == size
        assert rendered("{{ n|filesizeformat }}", n=700) == small
        assert rendered('{{ n|floatformat:"0g" }}', n=1234567) == count


@pytest.mark.parametrize(
    "path", ["/", "/instances/{id}/", "/instances/{id}/backups/", "/instances/{id}/backups/create/"]
)
def test_chinese_lines_have_chinese_punctuation(plain: Client, path: str) -> None:
    instance = make_instance()
    make_job(kind=JobKind.RESTART, instance=instance, status=JobStatus.FAILED, ended=MOMENT)
    Job.objects.update(ended=timezone.now())
    Instance.objects.update(facts_at=MOMENT, failure="", state=State.ABNORMAL)
    make_host("away", seen=MOMENT)
    plain.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    page = re.sub(r"<[^>]+>", "", plain.get(path.format(id=instance.id)).text)
    assert re.findall(r"[\u4e00-\u9fff]+[:,;!?][^\n]*", page) == []
    assert re.findall(r"[：，。] *[:,]", page) == []
