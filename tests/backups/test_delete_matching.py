"""Select all backups that match the filters of a list, and delete them; what changes meanwhile stays and is named."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus
from backups.models import Backup
from backups.views import delete_matching
from console.accounts.roles import Role
from tests.factories import make_backup, make_instance, make_user

pytestmark = pytest.mark.django_db
SELECTED, BACKUPS = reverse("backups:delete-selected"), reverse("backups:list")


def deleting() -> set[str]:
    return set(Backup.objects.filter(status=BackupStatus.DELETING).values_list("name", flat=True))


def confirmed(client: Client, **filters: str) -> dict[str, str]:
    """Open the dialog for all that match, and return what its form sends."""
    html = client.get(SELECTED, {"all": "1", **filters}).text
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))


def test_all_that_match_are_listed_and_deleted_whatever_page_they_are_on(htmx: Client) -> None:
    for number in range(23):
        make_backup(name=f"night-{number:02}")
    make_backup(name="spared")
    html = htmx.get(SELECTED, {"all": "1", "q": "night"}).text
    assert "23 backups" in html and all(f"night-{number:02}" in html for number in range(23)) and "spared" not in html
    assert htmx.post(SELECTED, confirmed(htmx, q="night")).status_code == 204
    assert deleting() == {f"night-{number:02}" for number in range(23)}


def test_without_filters_all_means_all(plain: Client) -> None:
    for number in range(12):
        make_backup(name=f"backup-{number}")
    assert plain.post(SELECTED, confirmed(plain)).status_code == 302
    assert len(deleting()) == 12


def test_the_list_of_one_instance_means_its_backups_only(htmx: Client) -> None:
    mine, other = make_backup(name="of-mine"), make_backup(make_instance(name="other"), name="of-other")
    htmx.post(SELECTED, confirmed(htmx, within=mine.instance_uid))
    assert deleting() == {"of-mine"} and other.instance_uid != mine.instance_uid


def test_what_began_to_match_meanwhile_stays_and_is_named(htmx: Client) -> None:
    make_backup(name="night-1")
    sent = confirmed(htmx, q="night")
    make_backup(name="night-2")
    answer = htmx.post(SELECTED, sent)
    assert answer.status_code == 422 and deleting() == {"night-1"}
    assert "Deleting 1 backup." in answer.text and "1 backup stays" in answer.text
    assert "night-2" in answer.text and "matches only since the dialog was opened" in answer.text


def test_what_no_longer_matches_stays_and_is_named(htmx: Client) -> None:
    make_backup(name="night-1")
    make_backup(name="night-2")
    sent = confirmed(htmx, q="night", status="COMPLETED")
    Backup.objects.filter(name="night-2").update(status=BackupStatus.FAILED)
    answer = htmx.post(SELECTED, sent)
    assert answer.status_code == 422 and deleting() == {"night-1"}
    assert "night-2" in answer.text and "no longer matches" in answer.text


def test_what_cannot_be_deleted_is_named_before_and_stays(htmx: Client) -> None:
    make_backup(name="free")
    make_backup(name="kept", locked=True)
    html = htmx.get(SELECTED, {"all": "1"}).text
    assert "1 backup stays" in html and "This backup is locked" in html
    assert htmx.post(SELECTED, confirmed(htmx)).status_code == 204
    assert deleting() == {"free"}


def test_what_cannot_be_deleted_any_more_stays_with_the_reason(htmx: Client) -> None:
    make_backup(name="free")
    make_backup(name="locked-meanwhile")
    sent = confirmed(htmx)
    Backup.objects.filter(name="locked-meanwhile").update(locked=True)
    answer = htmx.post(SELECTED, sent)
    assert answer.status_code == 422 and "This backup is locked" in answer.text and deleting() == {"free"}


def test_without_a_confirmation_nothing_is_deleted(htmx: Client) -> None:
    make_backup()
    assert htmx.post(SELECTED, {"all": "1"}).status_code == 422
    assert not deleting()


@pytest.mark.parametrize("filters", [{"since": "nonsense"}, {"status": "LOST"}, {"q": "no-such-name"}], ids=str)
def test_filters_that_find_nothing_delete_nothing(htmx: Client, filters: dict[str, str]) -> None:
    backup = make_backup()
    assert htmx.get(SELECTED, {"all": "1", **filters}).status_code == 200
    forged = {"all": "1", "shown": backup.id, "accepted": backup.id, **filters}
    assert htmx.post(SELECTED, forged).status_code == 422 and not deleting()


def test_more_than_a_dialog_deletes_is_refused(htmx: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delete_matching, "MOST", 2)
    backups = [make_backup() for _ in range(3)]
    assert "More than 2 backups match" in htmx.get(SELECTED, {"all": "1"}).text
    ids = " ".join(backup.id for backup in backups)
    assert htmx.post(SELECTED, {"all": "1", "shown": ids, "accepted": ids}).status_code == 422 and not deleting()


def test_without_the_role_nothing_is_deleted(client: Client) -> None:
    backup = make_backup()
    client.force_login(make_user(Role.READ_ONLY))
    forged = {"all": "1", "shown": backup.id, "accepted": backup.id}
    assert client.post(SELECTED, forged).status_code == 403 and not deleting()


# --- The offer in the list --------------------------------------------------------------------------------


def offer(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html.split('class="matching"')[1].split("</label>")[0]).split()[1:])


def test_the_list_offers_all_that_match_only_if_the_page_does_not_show_them(plain: Client) -> None:
    for number in range(12):
        make_backup(name=f"night-{number:02}")
    assert "Select all 12" in offer(plain.get(BACKUPS, {"size": "10"}).text)
    assert 'class="matching"' not in plain.get(BACKUPS, {"size": "20"}).text


def test_the_selection_sends_the_filters_of_the_list(plain: Client) -> None:
    for number in range(12):
        backup = make_backup(name=f"night-{number:02}")
    page = reverse("backups:instance", args=[backup.instance_uid])
    html = plain.get(page, {"q": "night", "kind": "Manual", "size": "10"}).text.split('id="selection"')[1]
    for name, value in {"q": "night", "kind": "Manual", "within": backup.instance_uid}.items():
        assert f'name="{name}" value="{value}"' in html


def test_too_many_to_delete_at_once_are_not_offered(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delete_matching, "MOST", 11)
    for _ in range(12):
        make_backup()
    assert 'class="matching"' not in plain.get(BACKUPS, {"size": "10"}).text


@pytest.mark.parametrize("number", [1, 40])
def test_the_dialog_costs_the_same_number_of_queries(
    htmx: Client, number: int, django_assert_max_num_queries: Any
) -> None:
    instance = make_instance()
    for _ in range(number):
        make_backup(instance)
    with django_assert_max_num_queries(8):
        htmx.get(SELECTED, {"all": "1"})
