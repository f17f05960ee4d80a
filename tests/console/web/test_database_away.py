"""If the console database is not responding, a page says so, and requests that need no database still work."""

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from instances.lists import InstanceListForm

pytestmark = pytest.mark.django_db
SENTENCE = "The console database is not responding. Nothing has been changed"


@pytest.fixture(params=[OperationalError, InterfaceError])
def away(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def page(self: InstanceListForm, rows: object) -> None:
        raise request.param("server closed the connection unexpectedly")

    monkeypatch.setattr(InstanceListForm, "page", page)


def test_a_page_says_with_503_that_the_database_is_not_responding(away: None, plain: Client) -> None:
    plain.raise_request_exception = False
    answer = plain.get("/instances/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "<h1>The console database cannot be used</h1>" in answer.text and SENTENCE in answer.text


def test_a_fragment_is_only_the_sentence(away: None, htmx: Client) -> None:
    htmx.raise_request_exception = False
    answer = htmx.get("/instances/")
    assert answer.status_code == 503
    assert answer.text.strip().startswith(SENTENCE)


def test_any_other_error_is_an_internal_error(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InstanceListForm, "page", lambda self, rows: 1 / 0)
    plain.raise_request_exception = False
    answer = plain.get("/instances/")
    assert answer.status_code == 500 and "Internal error" in answer.text


def test_the_health_check_does_not_need_the_database(plain: Client, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert plain.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/backups/%00/", "/instances/%00/backups/create/", "/%00"])
def test_an_address_with_a_nul_does_not_exist(plain: Client, path: str) -> None:
    assert plain.get(path).status_code == 404
    assert plain.post(path).status_code == 404
