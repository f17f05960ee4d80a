"""Reaching a deployment: signing in, TLS, and the sentence for each way in which that fails."""

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from instances.engines import deployment
from instances.engines.base import Access, Client, EngineError
from instances.engines.deployment.connect import connected
from instances.engines.deployment.moment import TRANSACTION
from tests.certificates import Authority, certificate, pem
from tests.deployments import PASSWORD, SET, Deployment, Tls


def ping(access: Access, seconds: float = 10.0) -> None:
    with connected(access, seconds=seconds) as client:
        client.admin.command("ping")
        client.admin.command("usersInfo", 1)


def sentence(access: Access, seconds: float = 1.5) -> str:
    with pytest.raises(EngineError) as failed:
        ping(access, seconds)
    # A traceback would show the text of the driver's error.
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    assert PASSWORD not in repr(failed.value)
    return str(failed.value)


@pytest.mark.parametrize("mechanism", ["", "SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_signs_in_to_a_replica_set(shared_replica_set: Deployment, mechanism: str) -> None:
    ping(shared_replica_set.access(mechanism=mechanism))


def test_signs_in_to_a_standalone(shared_standalone: Deployment) -> None:
    ping(shared_standalone.access())


def test_a_wrong_password_is_said(shared_replica_set: Deployment) -> None:
    said = sentence(shared_replica_set.access(password="wrong"))
    assert "rejected the user backup@office: the password is wrong" in said


def test_a_wrong_authentication_database_is_said(shared_replica_set: Deployment) -> None:
    assert "not defined in the authentication database shop" in sentence(shared_replica_set.access(auth_source="shop"))


def test_a_user_is_asked_for(shared_replica_set: Deployment) -> None:
    assert "requires a user" in sentence(shared_replica_set.access(user="", password=""))


def test_a_missing_role_is_said(replica_set: Deployment) -> None:
    replica_set.create_user("reader", ["read"], database="shop")
    said = sentence(replica_set.access(user="reader", auth_source="shop"))
    assert said.startswith("The user reader lacks a privilege: not authorized on admin")


def test_a_server_that_does_not_run_is_said(shared_replica_set: Deployment) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    said = sentence(shared_replica_set.access(address=f"mongodb://127.0.0.1:{port}/"))
    assert said.startswith(f"127.0.0.1:{port} could not be reached: Connection refused.")


def test_a_server_that_does_not_answer_is_said(shared_standalone: Deployment) -> None:
    with shared_standalone.paused():
        assert "did not answer in time" in sentence(shared_standalone.access(), seconds=0.5)


def test_an_unknown_name_is_said(shared_replica_set: Deployment) -> None:
    said = sentence(shared_replica_set.access(address="mongodb://nowhere.invalid:27017/"))
    assert said.startswith("DNS has no address for nowhere.invalid.")


def test_the_name_of_another_replica_set_is_said(shared_replica_set: Deployment) -> None:
    address = shared_replica_set.address.replace(SET, "rs7")
    assert "belongs to another replica set" in sentence(shared_replica_set.access(address=address), seconds=1.0)


def test_signs_in_over_tls(shared_tls: Deployment) -> None:
    ping(shared_tls.access())


def test_signs_in_by_a_certificate(with_tls: Deployment, authority: Authority) -> None:
    with_tls.create_x509_user("CN=agent", ["root"])
    access = with_tls.access(user="", password="", mechanism="MONGODB-X509", certificate=pem(authority.issue("agent")))
    ping(access)
    ping(replace(access, user="CN=agent"))


def test_backs_up_over_tls_by_a_certificate(with_tls: Deployment, authority: Authority) -> None:
    with_tls.create_x509_user("CN=agent", ["root"])
    with with_tls.client() as client:
        client.shop.orders.insert_many([{}, {}])
    access = with_tls.access(user="", password="", mechanism="MONGODB-X509", certificate=pem(authority.issue("agent")))
    with deployment().backup(replace(access, ways=(TRANSACTION,))) as cut:
        size = sum(len(block) for member in cut.members for block in member.read())
        assert size > 100
        assert cut.contents().documents == 2


def test_a_certificate_of_no_user_is_said(with_tls: Deployment, authority: Authority) -> None:
    stranger = pem(authority.issue("stranger"))
    said = sentence(with_tls.access(user="", password="", mechanism="MONGODB-X509", certificate=stranger))
    assert "must be defined in $external" in said


def test_another_authority_is_not_trusted(shared_tls: Deployment, tmp_path: Path) -> None:
    other = certificate(tmp_path / "other.pem").read_text()
    assert "not signed by an authority that is trusted here" in sentence(shared_tls.access(ca=other))
    ping(shared_tls.access(ca=other, verify=False))


def test_tls_is_not_optional(shared_tls: Deployment) -> None:
    assert "could not be reached" in sentence(shared_tls.access(tls=False, ca=""))


@pytest.fixture(scope="module")
def wrong_certificates(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[dict[str, Deployment]]:
    expired = authority.issue("expired", addresses=["127.0.0.1"], lasts=timedelta(days=-1))
    elsewhere = authority.issue("elsewhere", names=["elsewhere.example"])
    home = tmp_path_factory.mktemp("certificates")
    with (
        Deployment(home / "expired", tls=Tls(authority, expired), users=False) as first,
        Deployment(home / "elsewhere", tls=Tls(authority, elsewhere, require_client=True), users=False) as second,
    ):
        yield {"expired": first, "elsewhere": second}


def test_an_expired_certificate_is_said(wrong_certificates: dict[str, Deployment]) -> None:
    assert "has expired" in sentence(wrong_certificates["expired"].access())


def test_a_certificate_for_another_name_is_said(wrong_certificates: dict[str, Deployment]) -> None:
    assert "is for another host name" in sentence(wrong_certificates["elsewhere"].access())


def test_a_missing_client_certificate_is_said(wrong_certificates: dict[str, Deployment]) -> None:
    said = sentence(wrong_certificates["elsewhere"].access(verify=False))
    assert "require a client certificate" in said


@pytest.mark.parametrize("field", ["ca", "certificate"])
def test_an_unreadable_certificate_is_said(shared_tls: Deployment, field: str) -> None:
    assert "cannot be read. Paste them in PEM format" in sentence(shared_tls.access(**{field: "nonsense"}))


def test_an_encrypted_key_is_said(shared_tls: Deployment, authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization

    path = authority.issue("sealed")
    key = serialization.load_pem_private_key(path.with_suffix(".key").read_bytes(), None)
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    ).decode()
    assert "must not be encrypted" in sentence(shared_tls.access(certificate=path.read_text() + sealed))


def test_a_key_is_only_in_memory_and_only_while_the_driver_is_made(
    with_tls: Deployment, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_tls.create_x509_user("CN=agent", ["root"])
    key = pem(authority.issue("agent"))
    read: list[Path] = []
    monkeypatch.setattr("pymongo.MongoClient", remembering(read))
    with connected(with_tls.access(user="", password="", mechanism="MONGODB-X509", certificate=key)) as client:
        client.admin.command("ping")
    assert [str(path).startswith("/memfd:") for path in read] == [True, True]
    assert not [path for path in map(os.readlink, descriptors()) if path.startswith("/memfd:")]


def remembering(read: list[Path]) -> Callable[..., Client]:
    """Return pymongo's client, which adds the files that it is made from."""

    def make(*arguments: Any, **options: Any) -> Client:
        read.extend(Path(options[name]).readlink() for name in ("tlsCAFile", "tlsCertificateKeyFile"))
        return MongoClient(*arguments, **options)

    return make


def descriptors() -> list[Path]:
    return [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
