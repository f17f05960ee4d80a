"""The browser remembers the page size across lists and visits; a size in the address takes precedence."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.factories import make_backup, make_instance

BACKUPS, TASKS, INSTANCES = reverse("backups:list"), reverse("instances:tasks"), reverse("instances:list")


def size(client: Client, path: str, **headers: str) -> str:
    """Return the size that the page shows as chosen."""
    sizes = client.get(path, headers=headers).context["page"].sizes
    return next(str(link.label) for link in sizes if link.active)


def at(path: str) -> dict[str, str]:
    """Return the headers that htmx sends from the page at this path."""
    return {"HX-Request": "true", "HX-Current-URL": f"http://testserver{path}"}


def test_the_default_size_is_twenty(plain: Client) -> None:
    assert size(plain, BACKUPS) == "20"


def test_a_chosen_size_applies_to_every_list(plain: Client) -> None:
    plain.get(f"{BACKUPS}?size=50")
    instance = make_instance()
    for path in (BACKUPS, TASKS, INSTANCES, reverse("backups:instance", args=[instance.id])):
        assert size(plain, path) == "50"


def test_the_size_is_kept_after_the_session_ends(plain: Client) -> None:
    plain.get(f"{BACKUPS}?size=50")
    cookie = plain.cookies[settings.PAGE_SIZE_COOKIE_NAME]
    assert int(cookie["max-age"]) >= 30 * 24 * 3600 and cookie["httponly"] and cookie["samesite"] == "Lax"


def test_the_size_in_the_address_takes_precedence(plain: Client) -> None:
    plain.get(f"{BACKUPS}?size=50")
    assert size(plain, f"{TASKS}?size=10") == "10"


def test_a_link_that_htmx_follows_chooses_a_size(plain: Client) -> None:
    plain.get(f"{BACKUPS}?size=10", headers=at(BACKUPS))
    assert size(plain, BACKUPS) == "10"


def test_an_automatic_refresh_chooses_no_size(plain: Client) -> None:
    plain.get(f"{TASKS}?size=100")
    for query in ("?size=10", "?size=10&version=0"):
        answer = plain.get(BACKUPS + query, headers=at(f"{BACKUPS}?size=10"))
        assert settings.PAGE_SIZE_COOKIE_NAME not in answer.cookies
    assert size(plain, BACKUPS) == "100"


def test_an_open_list_keeps_its_size_when_another_list_chooses_a_new_size(plain: Client) -> None:
    make_backup()
    assert '"rows": "20"' in plain.get(BACKUPS).text
    plain.get(f"{TASKS}?size=10")
    answer = plain.get(f"{BACKUPS}?rows=20", headers=at(BACKUPS))
    assert '"rows": "20"' in answer.text
    # No address has the parameter: neither the links of the list nor the link of its export.
    assert "?rows=" not in answer.text and "&amp;rows=" not in answer.text


@pytest.mark.parametrize("kept", ["0", "1000000", "x", ""])
def test_an_invalid_cookie_is_ignored(plain: Client, kept: str) -> None:
    plain.cookies[settings.PAGE_SIZE_COOKIE_NAME] = kept
    assert size(plain, BACKUPS) == "20"


@pytest.mark.parametrize("asked", ["0", "1000000", "x"])
def test_an_invalid_size_is_not_stored(plain: Client, asked: str) -> None:
    assert settings.PAGE_SIZE_COOKIE_NAME not in plain.get(f"{BACKUPS}?size={asked}").cookies


def test_every_size_can_be_chosen_again(plain: Client) -> None:
    plain.get(f"{BACKUPS}?size=50")
    urls = [link.url for link in plain.get(BACKUPS).context["page"].sizes]
    assert urls == [f"{BACKUPS}?size={each}" for each in (10, 20, 50, 100)]
