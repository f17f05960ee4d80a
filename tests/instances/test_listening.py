"""Listening addresses: the name that clients use, the facts that the agent records, and the test of a port."""

import socket
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from pytest_django import Settings

from instances import hosts
from instances.engines.embedded import process
from instances.listening import Listening, listening_here
from instances.models import Host
from tests.certificates import certificate


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2"])
def test_without_tls_clients_use_the_bound_address(settings: Settings, bind: str) -> None:
    settings.CONSOLE_DB_BIND = bind
    assert listening_here() == Listening(bind, tls=False)


@pytest.mark.parametrize(
    ("bind", "names", "addresses", "shown", "alias"),
    [
        ("192.0.2.7", ["db.example.org"], ["192.0.2.7"], "192.0.2.7", False),
        ("192.0.2.7", ["db.example.org"], [], "db.example.org", True),
        ("0.0.0.0", ["*.example.org", "db.example.org"], ["192.0.2.7"], "db.example.org", True),  # noqa: S104
        ("0.0.0.0", [], ["192.0.2.7"], "192.0.2.7", True),  # noqa: S104
        ("192.0.2.7", [], [], "192.0.2.7", False),
    ],
)
def test_with_tls_clients_use_an_address_that_the_certificate_names(
    settings: Settings, tmp_path: Path, bind: str, names: list[str], addresses: list[str], shown: str, alias: bool
) -> None:
    settings.CONSOLE_DB_BIND = bind
    settings.CONSOLE_DB_TLS_CERTIFICATE = str(certificate(tmp_path / "a.pem", names=names, addresses=addresses))
    assert listening_here() == Listening(shown, tls=True, alias=alias)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_certificate_that_cannot_be_read_is_reported(
    settings: Settings, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "a.pem"
    if content is not None:
        path.write_bytes(content)
    settings.CONSOLE_DB_TLS_CERTIFICATE = str(path)
    with pytest.raises(ImproperlyConfigured, match=r"CONSOLE_DB_TLS_CERTIFICATE=.*a\.pem"):
        listening_here()


@pytest.mark.django_db
def test_an_agent_that_takes_a_host_records_where_its_instances_listen() -> None:
    here = Listening("db.example.org", tls=True, alias=True)
    assert hosts.take("alpha", agent="one", before="", now=timezone.now(), listening=here)
    host = Host.objects.get()
    assert (host.db_address, host.db_tls, host.db_alias) == ("db.example.org", True, True)
    assert hosts.take("alpha", agent="two", before="one", now=timezone.now())
    host.refresh_from_db()
    assert (host.db_address, host.db_tls, host.db_alias) == ("127.0.0.1", False, False)


def test_a_port_is_tried_on_the_address_of_the_instances(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", 0))
        other.listen()
        port = other.getsockname()[1]
        settings.CONSOLE_DB_BIND = "127.0.0.2"
        assert not process.bindable(port)
        settings.CONSOLE_DB_BIND = "127.0.0.1"
        assert process.bindable(port)
