"""The columns of lists: chosen by each user, remembered, and with space for the names at every width."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.lists import BackupListForm
from console.accounts.models import UserPreferences
from console.accounts.roles import Role
from console.audit.lists import AuditListForm
from console.lists.columns import EXACT, STEPS, YEAR, Column, place
from instances.lists import InstanceListForm, JobListForm
from tests.factories import make_backup, make_instance, make_user

pytestmark = pytest.mark.django_db
INSTANCES, BACKUPS = reverse("instances:list"), reverse("backups:list")
CHOOSE = reverse("columns", args=["backup-list"])
# The narrowest table: in a window of 900 px, with a scroll bar.
NARROWEST = 645
COLUMNS = (
    Column("name", "Name", 200, flexible=True),
    Column("engine", "Engine", 100, yields=1),
    Column("started", "Start", 100, yields=2, time=True),
    Column("note", "Note", 300, yields=3, off=True),
)


def off(html: str, key: str) -> bool:
    """Return whether the heading with this class is hidden."""
    heads = [part.split('class="')[1].split('"')[0].split() for part in html.split("<th ")[1:]]
    (look,) = [look for look in heads if look[0] == key]
    return "off" in look


def test_a_column_appears_from_the_width_that_all_columns_up_to_it_need() -> None:
    placed = place(COLUMNS, {})
    assert placed["name"].look == "name"
    assert placed["engine"].look == "engine from-640"
    assert placed["started"].look == "started time from-640"
    assert placed["note"].look == "note off"
    wide = place(COLUMNS, {"note": True})
    assert [wide[key].look for key in ("engine", "started", "note")] == [
        "engine from-700",
        "started time from-640",
        "note from-640",
    ]


def test_times_get_their_year_and_then_their_seconds_when_everything_else_fits() -> None:
    needed = 700
    assert place(COLUMNS, {"note": True}).look == f"full-{step(needed + YEAR)} exact-{step(needed + YEAR + EXACT)}"


def step(width: int) -> int:
    return next(each for each in STEPS if each >= width)


def test_a_column_that_is_always_visible_cannot_be_hidden() -> None:
    assert place(COLUMNS, {"name": False})["name"].shown


@pytest.mark.parametrize("form", [InstanceListForm, JobListForm, BackupListForm, AuditListForm])
def test_what_is_always_visible_fits_the_narrowest_table(form: type[InstanceListForm]) -> None:
    assert sum(column.width for column in form.all_columns if column.fixed) <= NARROWEST
    order = [column.yields for column in form.all_columns if column.yields]
    assert len(set(order)) == len(order)


def test_the_reference_columns_of_backups_cannot_be_turned_off(plain: Client) -> None:
    make_backup()
    plain.post(CHOOSE, {"column": ["size"]})
    html = plain.get(BACKUPS).text
    assert not any(off(html, key) for key in ("name", "type", "status", "operations", "size"))
    assert off(html, "description") and off(html, "span")


def test_a_choice_applies_to_the_other_pages_of_the_list_and_lasts_after_signing_out(plain: Client) -> None:
    backup = make_backup()
    plain.post(CHOOSE, {"column": ["description"]})
    pages = (BACKUPS, reverse("backups:instance", args=[backup.instance_uid]))
    assert all(off(plain.get(page).text, "size") for page in pages)
    user = User.objects.get(pk=plain.session["_auth_user_id"])
    plain.logout()
    plain.force_login(user)
    assert all(off(plain.get(page).text, "size") for page in pages)


def test_a_choice_is_the_users_own(plain: Client) -> None:
    make_backup()
    plain.post(CHOOSE, {"column": ["description"]})
    other = Client()
    other.force_login(make_user(Role.READ_ONLY))
    assert off(plain.get(BACKUPS).text, "size") and not off(other.get(BACKUPS).text, "size")


def test_viewers_with_different_columns_do_not_share_a_rendered_list(htmx: Client) -> None:
    make_backup()
    shared = {"as_of": "0"}
    before = htmx.get(BACKUPS, shared).text
    htmx.post(CHOOSE, {"column": ["description"]})
    assert not off(before, "size") and off(htmx.get(BACKUPS, shared).text, "size")


def test_without_javascript_the_form_returns_to_its_page(plain: Client) -> None:
    answer = plain.post(CHOOSE, {"column": []}, headers={"Referer": "http://testserver/backups/?q=orders"})
    assert answer.status_code == 302 and answer.headers["Location"] == "http://testserver/backups/?q=orders"
    elsewhere = plain.post(CHOOSE, {"column": []}, headers={"Referer": "http://elsewhere.example/"})
    assert elsewhere.headers["Location"] == reverse("home")


def test_with_htmx_the_list_refreshes(htmx: Client) -> None:
    answer = htmx.post(CHOOSE, {"column": ["size"]})
    assert answer.status_code == 204 and answer.headers["HX-Trigger"] == "refresh"


def test_an_unknown_list_and_unknown_columns_store_nothing(plain: Client) -> None:
    assert plain.post(reverse("columns", args=["other-list"]), {"column": ["size"]}).status_code == 404
    plain.post(CHOOSE, {"column": ["size", "x" * 9999]})
    assert set(UserPreferences.objects.get().columns["backup-list"]) == {
        "instance",
        "version",
        "span",
        "size",
        "description",
    }


def test_get_stores_nothing(plain: Client) -> None:
    assert plain.get(CHOOSE, {"column": ["size"]}).status_code == 405 and not UserPreferences.objects.exists()


def test_an_anonymous_visitor_signs_in_first(client: Client) -> None:
    assert client.post(CHOOSE, {"column": ["size"]}).status_code == 302 and not UserPreferences.objects.exists()


def test_the_host_is_a_column_only_if_there_are_several(plain: Client) -> None:
    make_instance()
    assert 'value="host"' not in plain.get(INSTANCES).text
