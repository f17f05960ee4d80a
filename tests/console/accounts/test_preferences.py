"""Theme and time zone: kept per user, on every page, in every browser."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from console.accounts.models import UserPreferences
from console.text import times
from console.text.days import last_days
from tests.answers import read
from tests.factories import make_instance, make_user

pytestmark = pytest.mark.django_db
THEME, ZONE = reverse("theme"), reverse("time-zone")
WINTER = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)


def another_browser(user: User, **options: Any) -> Client:
    browser = Client(**options)
    browser.force_login(user)
    return browser


def page(browser: Client, path: str = "/instances/") -> str:
    return browser.get(path).content.decode()


@pytest.mark.parametrize(
    ("theme", "on_html", "meta"),
    [("dark", ' data-theme="dark"', "dark"), ("light", ' data-theme="light"', "light"), ("system", "", "light dark")],
)
def test_the_server_renders_the_theme_on_every_device(
    plain: Client, user: User, theme: str, on_html: str, meta: str
) -> None:
    answer = plain.post(THEME, {"theme": theme, "next": "/backups/?type=Single"})
    assert answer.status_code == 302 and answer.headers["Location"] == "/backups/?type=Single"
    for browser in (plain, another_browser(user)):
        for path in ("/instances/", "/no-such-page/", "/account/sessions/"):
            html = page(browser, path)
            assert f'<html lang="en"{on_html}>' in html
            assert f'<meta name="color-scheme" content="{meta}">' in html
    assert 'data-theme="' not in page(another_browser(make_user())) + page(Client(), "/sign-in/")


def test_the_menu_marks_the_chosen_theme(plain: Client) -> None:
    def checked() -> list[str]:
        parts = page(plain).split('name="theme" value="')[1:]
        return [part.split('"')[0] for part in parts if 'aria-checked="true"' in part.split(">")[0]]

    assert checked() == ["system"]
    plain.post(THEME, {"theme": "dark"})
    assert checked() == ["dark"]


def test_an_unknown_theme_is_rejected_and_the_way_back_stays_in_the_console(plain: Client) -> None:
    assert plain.post(THEME, {"theme": "pink"}).status_code == 400
    assert plain.get(THEME).status_code == 405
    assert not UserPreferences.objects.exists()
    assert plain.post(THEME, {"theme": "dark", "next": "https://example.org/"}).headers["Location"] == "/"


def test_a_page_costs_no_further_query(plain: Client, user: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5):  # the session, its user, the work, the agents and the bell
        plain.get("/account/password/")
    UserPreferences.objects.create(user=user, theme="dark", time_zone="Asia/Tokyo")
    with django_assert_num_queries(5):
        plain.get("/account/password/")


def test_all_times_follow_the_chosen_zone_in_every_browser(plain: Client, user: User) -> None:
    make_instance(created=WINTER)
    plain.cookies[settings.TIME_ZONE_COOKIE_NAME] = "America/New_York"
    assert "UTC-5" in page(plain) and "From (America/New_York)" in page(plain)
    answer = plain.post(ZONE, {"zone": "Asia/Tokyo"}, follow=True)
    assert answer.redirect_chain == [("/", 302)] and "The time zone is set." in answer.content.decode()
    for browser in (plain, another_browser(user, headers={"HX-Request": "true"})):
        assert "Jan 15, 2026 21:30" in read(page(browser)) and "From (Asia/Tokyo)" in page(browser)
    assert "UTC+9" not in page(another_browser(make_user()))
    plain.post(ZONE, {"zone": ""})
    assert "UTC-5" in page(plain)


def test_the_filters_read_times_in_the_chosen_zone(plain: Client) -> None:
    make_instance(name="old-one", created=WINTER)
    plain.post(ZONE, {"zone": "Asia/Tokyo"})
    found = {until: "old-one" in page(plain, f"/instances/?until=2026-01-15T21:{until}") for until in ("29", "30")}
    assert found == {"29": False, "30": True}
    assert "2026-01-15 12:30" in b"".join(plain.get("/instances/?format=csv")).decode()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
        ("  Asia/Tokyo ", "Asia/Tokyo"),
        ("", ""),
    ],
)
def test_a_zone_may_be_typed_in_any_case_or_as_a_city(htmx: Client, user: User, typed: str, stored: str) -> None:
    answer = htmx.post(ZONE, {"zone": typed})
    assert answer.status_code == 200 and answer.headers["HX-Refresh"] == "true"
    assert UserPreferences.objects.get(user=user).time_zone == stored


@pytest.mark.parametrize("typed", ["Mars/Olympus", "../etc/passwd", "x" * 65])
def test_an_unknown_zone_is_reported_beside_the_field(htmx: Client, typed: str) -> None:
    answer = htmx.post(ZONE, {"zone": typed})
    assert answer.status_code == 422 and answer.context["form"].errors["zone"]
    assert not UserPreferences.objects.exists()


def test_the_dialog_lists_zones_and_has_the_chosen_one(plain: Client, user: User) -> None:
    UserPreferences.objects.create(user=user, time_zone="Asia/Tokyo")
    html = page(plain, ZONE)
    assert '<option value="Europe/Berlin">' in html and 'value="Asia/Tokyo"' in html and 'list="time-zones"' in html
    assert "<small>Asia/Tokyo</small>" in html


def test_a_zone_that_no_longer_exists_leaves_the_browsers(plain: Client, user: User) -> None:
    make_instance()
    UserPreferences.objects.create(user=user, time_zone="Gone/Zone")
    plain.cookies[settings.TIME_ZONE_COOKIE_NAME] = "Asia/Tokyo"
    assert "From (Asia/Tokyo)" in page(plain)


def test_every_offered_zone_can_be_used() -> None:
    for name in times.offered_zones():
        assert times.is_zone(name)
        last_days(WINTER, times.zone_named(name), 2)


def test_users_without_a_role_choose_too_and_anonymous_users_cannot(client: Client) -> None:
    nobody = another_browser(User.objects.create_user("nobody"))
    assert nobody.post(THEME, {"theme": "dark"}).status_code == nobody.post(ZONE, {"zone": "UTC"}).status_code == 302
    assert client.post(THEME, {"theme": "dark"}).headers["Location"].startswith("/sign-in/")
    assert client.get(ZONE).headers["Location"].startswith("/sign-in/")
    assert UserPreferences.objects.count() == 1
