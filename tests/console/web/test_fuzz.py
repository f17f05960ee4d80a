"""No input to any address causes an internal error. The tests find new addresses by themselves."""

import re
import uuid
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backups.choices import BackupStatus
from instances.choices import Action, JobStatus
from tests.factories import make_backup, make_instance, make_job

pytestmark = pytest.mark.django_db

NASTY = [
    *(
        "",
        " ",
        "\x00",
        "%",
        "%00",
        "'",
        '"',
        "\\",
        "../../etc/passwd",
        "<script>",
        "{{ 7 }}",
        "{% now %}",
        "1;--",
        "\u202e",
    ),
    *(
        "0",
        "-1",
        "1e999",
        "NaN",
        "9" * 40,
        "9" * 5000,
        "true",
        "null",
        "[]",
        "{}",
        "٣",
        "ß",
        "İ",
        "🙂" * 90,
        "x" * 3000,
    ),
    *(
        "2026-02-30",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31",
        "24:00",
        "25:61",
        "0" * 32 + "br02",
        str(uuid.UUID(int=0)),
    ),
]
# A client cannot send surrogates: an address or a form is either UTF-8 or other bytes, which RAW covers.
TEXT = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
RAW = st.binary(max_size=20).map(quote_from_bytes)
EXAMPLES = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def addresses() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of every named address and the converters of its parameters."""
    for pattern in get_resolver().url_patterns:
        namespace = getattr(pattern, "namespace", None)
        for entry in getattr(pattern, "url_patterns", [pattern]):
            if isinstance(entry, URLPattern) and entry.name:
                name = f"{namespace}:{entry.name}" if namespace else entry.name
                yield name, entry.pattern.converters


ADDRESSES = dict(addresses())


@pytest.fixture
def things(user: User) -> dict[str, str]:
    """Create one of each object that an address can name, and return their ids by parameter."""
    instance = make_instance()
    # The backup in progress needs another instance: an Available instance has none.
    busy = make_instance(action=Action.BACKUP)
    job = make_job(instance=busy, status=JobStatus.RUNNING)
    make_backup(busy, status=BackupStatus.BUILDING, job=job)
    return {"instance_id": instance.id, "backup_id": make_backup(instance).id, "job_id": str(job.id)}


def path_of(name: str, things: dict[str, str]) -> str:
    """Return the address of existing objects, so that the view reads the rest of the request."""
    standing = {"IntConverter": "1", "UUIDConverter": str(uuid.UUID(int=1))}
    converters = ADDRESSES[name]
    return reverse(
        name, kwargs={key: things.get(key, standing.get(type(what).__name__, "x")) for key, what in converters.items()}
    )


def signed_in(user: User, htmx: bool) -> Client:
    client = Client(headers={"HX-Request": "true"} if htmx else {})
    client.force_login(user)
    return client


def answered_well(answer: Any) -> bool:
    """Return whether the status is below 500. The test client raises exceptions of views, but not their own 500s."""
    read(answer)
    return bool(answer.status_code < 500)


def read(answer: Any) -> bytes:
    """Read the whole response; only reading makes a view produce a streamed response."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def words_of(page: Any) -> tuple[list[str], list[str]]:
    """Return the names of a page's fields and the values that it offers for them."""
    html = read(page).decode(errors="replace")
    names = sorted(set(re.findall(r'\bname="([a-z_0-9-]+)"', html)) - {"viewport", "color-scheme", "htmx-config"})
    values = sorted({unescape(value) for value in re.findall(r'\bvalue="([^"]*)"', html)})
    return names, values


@pytest.mark.parametrize("name", ADDRESSES)
@given(data=st.data())
@EXAMPLES
def test_no_query_breaks_a_page(user: User, things: dict[str, str], name: str, data: st.DataObject) -> None:
    path, client = path_of(name, things), signed_in(user, data.draw(st.booleans(), label="htmx"))
    names, values = words_of(client.get(path))
    keys = st.one_of(st.sampled_from([*names, "q", "type", "status", "version", "page", "next", "sort"]), TEXT)
    pairs = data.draw(st.lists(st.tuples(keys, st.one_of(st.sampled_from([*values, ""]), TEXT)), max_size=5))
    query = data.draw(st.one_of(st.just(urlencode(pairs)), RAW), label="query")
    assert answered_well(client.get(path, QUERY_STRING=query))


@pytest.mark.parametrize("name", ADDRESSES)
@given(data=st.data())
@EXAMPLES
def test_no_form_breaks_a_page(user: User, things: dict[str, str], name: str, data: st.DataObject) -> None:
    path, client = path_of(name, things), signed_in(user, data.draw(st.booleans(), label="htmx"))
    names, values = words_of(client.get(path))
    values = [*values, *things.values()]
    # Most fields get valid values, so that the test also reaches the code after the form's validation.
    fields = {
        field: data.draw(st.one_of(st.sampled_from(values), TEXT, st.just("a-good-name")), label=field)
        for field in names
        if data.draw(st.integers(0, 4), label=f"{field} is sent")
    }
    fields |= data.draw(st.dictionaries(TEXT, TEXT, max_size=2), label="more")
    with transaction.atomic():
        assert answered_well(client.post(path, urlencode(fields), content_type="application/x-www-form-urlencoded"))
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", [name for name, converters in ADDRESSES.items() if converters])
@given(data=st.data())
@EXAMPLES
def test_no_address_breaks(user: User, name: str, data: st.DataObject) -> None:
    client = signed_in(user, htmx=False)
    part = TEXT.filter(lambda text: text and "/" not in text)
    kwargs = {key: data.draw(part) for key, what in ADDRESSES[name].items() if type(what).__name__ == "StringConverter"}
    if len(kwargs) == len(ADDRESSES[name]):
        path = reverse(name, kwargs=kwargs)
        for answer in (client.get(path), client.post(path)):
            assert answered_well(answer)
            assert answer.status_code in (302, 404, 405)
