"""Test connection on real servers: what it finds, and why it fails."""

import json
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from instances.engines import deployment
from instances.engines.base import Access, EngineError
from instances.engines.deployment import testing_connection
from instances.engines.deployment.connect import database_of
from instances.engines.deployment.moment import PROBE, TRANSACTION
from instances.engines.deployment.testing_connection import BAD, OK, WARN
from tests.certificates import Authority, pem
from tests.deployments import PASSWORD, Deployment, Tls
from tests.instances.engines.deployment.dumping import blocks_of
from tests.instances.engines.deployment.test_uri import Names


def outcome(access: Access, **options: bool) -> testing_connection.Tested:
    return testing_connection.test(access, lambda: None, probe=options.get("probe", False))


def said(result: testing_connection.Tested) -> dict[str, str]:
    """Return the sentences with their tones."""
    return {str(finding.message): finding.tone for finding in result.findings}


def tone_of(result: testing_connection.Tested, part: str) -> str:
    found = [tone for sentence, tone in said(result).items() if part in sentence]
    assert len(found) == 1, said(result)
    return found[0]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for a server that cannot be reached: the driver tries again until the time is over."""
    monkeypatch.setattr(testing_connection, "REACHING", 1.5)


def why(access: Access) -> str:
    with pytest.raises(EngineError) as failed:
        outcome(access)
    assert PASSWORD not in str(failed.value)
    return str(failed.value)


# --- What it finds -------------------------------------------------------------------------------------------


def test_a_replica_set_with_all_rights(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_many([{}, {}, {}])
    result = outcome(replica_set.access(), probe=True)
    assert result.ways == (TRANSACTION,)
    assert result.instance_type == "ReplicaSet"
    assert (result.facts.engine, result.facts.documents) == ("SecantusDB", 3)
    assert result.certificate_expires is None
    assert tone_of(result, f"Reached 127.0.0.1:{replica_set.port}: SecantusDB 0.7.0b3.") == OK
    assert tone_of(result, "replica set secantus with 1 member.") == OK
    assert tone_of(result, "all privileges that backups need") == OK
    assert tone_of(result, "3 documents") == OK
    assert tone_of(result, "by one transaction that reads one collection after another") == WARN
    assert not [sentence for sentence in said(result) if "restor" in sentence]
    with replica_set.client() as client:
        assert PROBE not in client.list_database_names()


def test_a_standalone(standalone: Deployment) -> None:
    result = outcome(standalone.access())
    assert result.instance_type == "Single"
    assert tone_of(result, "The deployment is a single server.") == OK


def test_nothing_is_written_or_proved_without_the_tick(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        before = client.local["oplog.rs"].count_documents({"op": {"$ne": "n"}})
        result = outcome(replica_set.access())
        assert client.local["oplog.rs"].count_documents({"op": {"$ne": "n"}}) == before
    assert result.ways == ()
    assert tone_of(result, "allow the test to write to a scratch collection") == WARN


def test_missing_privileges_are_named(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_one({})
        client.office.people.insert_one({})
        lists = {"resource": {"cluster": True}, "actions": ["listDatabases"]}
        client.admin.command("createRole", "lister", privileges=[lists], roles=[])
    replica_set.create_user("reader", [{"role": "read", "db": "shop"}, "lister"])
    result = outcome(replica_set.access(user="reader"), probe=True)
    missing = "listCollections on office; find on office; collStats on office; listIndexes on office"
    assert tone_of(result, f"privileges that backups need: {missing}") == BAD
    assert tone_of(result, "restoring to this deployment needs: insert; bypassDocumentValidation") == WARN
    assert tone_of(result, f"may not write to the database {PROBE}") == WARN
    assert result.ways == ()


def test_names_that_this_driver_does_not_accept(replica_set: Deployment) -> None:
    replica_set.create_user("keeper", ["backup"])
    with replica_set.client() as client:
        database = database_of(client, "a b")
        try:
            database.command({"insert": "orders", "documents": [{}]})
            result = outcome(replica_set.access(user="keeper"))
        finally:
            database.command("dropDatabase")
    assert result.facts.documents == 1
    assert tone_of(result, "all privileges that backups need") == OK


def test_a_user_that_may_list_nothing(replica_set: Deployment) -> None:
    replica_set.create_user("reader", ["read"], database="shop")
    result = outcome(replica_set.access(user="reader", auth_source="shop"))
    assert tone_of(result, "privileges that backups need: listDatabases") == BAD


def test_the_role_backup_is_enough(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_one({})
    replica_set.create_user("keeper", ["backup"])
    assert tone_of(outcome(replica_set.access(user="keeper")), "all privileges that backups need") == OK


def documented_roles() -> list[Any]:
    """Return the roles that instances/README.md tells people to give the console's user."""
    readme = (settings.BASE_DIR / "instances/README.md").read_text()
    (written,) = re.findall(r"createUser\(\{.*?roles: \[(.*?)\n +\]", readme, re.DOTALL)
    quoted = re.sub(r"(\w+):", r'"\1":', re.sub(r"//.*", "", written))
    roles: list[Any] = json.loads(f"[{quoted.strip().rstrip(',')}]")
    return roles


def test_the_roles_that_the_documentation_names_are_enough(replica_set: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_one({"_id": 1})
    roles = documented_roles()
    assert roles == ["backup", "clusterMonitor", {"role": "readWrite", "db": PROBE}, "restore", "readWriteAnyDatabase"]
    replica_set.create_user("reader", roles[:3])
    result = outcome(replica_set.access(user="reader"), probe=True)
    assert result.ways == (TRANSACTION,)
    assert tone_of(result, "all privileges that backups need") == OK
    assert tone_of(result, "privileges that restoring to this deployment needs") == WARN
    assert (result.facts.storage_engine, result.facts.documents) == ("WiredTiger", 1)
    replica_set.create_user("console", roles)
    assert not [sentence for sentence in said(outcome(replica_set.access(user="console"))) if "restor" in sentence]
    with deployment().backup(replica_set.access(user="reader", ways=result.ways)) as cut:
        blocks = list(blocks_of(cut))
    access = replica_set.access(user="console")
    deployment().restore(access, iter(blocks), cut.contents, lambda _documents: None, tag="1", directory=tmp_path)
    with replica_set.client() as client:
        assert list(client.shop.orders.find()) == [{"_id": 1}]


def test_a_server_without_authentication_is_warned_of(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Deployment(tmp_path_factory.mktemp("open"), authentication=False) as server:
        result = outcome(server.access(user="", password=""))
        assert tone_of(result, "requires no user") == WARN


def test_the_servers_certificate_is_valid(shared_tls: Deployment) -> None:
    result = outcome(shared_tls.access())
    assert tone_of(result, "TLS is on. The server's certificate is valid until") == OK
    assert result.certificate_expires is not None
    assert abs(result.certificate_expires - datetime.now(UTC) - timedelta(days=90)) < timedelta(hours=2)


def test_names_that_only_dns_completes(shared_tls: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a `mongodb+srv://` address is that of no server."""
    look_up = socket.getaddrinfo

    def known_here(host: str, *rest: Any, **options: Any) -> Any:
        return look_up("127.0.0.1" if host == "one.shop.localhost" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", known_here)
    records = {"_mongodb._tcp.shop.localhost": [("one.shop.localhost", shared_tls.port)]}
    names = Names({"one.shop.localhost": ["127.0.0.1"]}, records)
    access = shared_tls.access(address="mongodb+srv://shop.localhost/", verify=False)
    result = testing_connection.test(access, lambda: None, resolver=names)
    assert tone_of(result, "TLS is on. The server's certificate is valid until") == OK


def test_certificates_that_expire_soon_are_warned_of(with_tls: Deployment, authority: Authority) -> None:
    with_tls.create_x509_user("CN=soon", ["root"])
    key = pem(authority.issue("soon", lasts=timedelta(days=29)))
    access = with_tls.access(user="", password="", mechanism="MONGODB-X509", certificate=key)
    result = testing_connection.test(access, lambda: None, now=datetime.now(UTC))
    assert tone_of(result, "The client certificate expires on") == WARN
    later = testing_connection.test(access, lambda: None, now=datetime.now(UTC) + timedelta(days=61))
    assert tone_of(later, "The client certificate expired on") == BAD
    assert tone_of(later, "The server's certificate expires on") == WARN
    assert result.certificate_expires is not None
    assert result.certificate_expires < datetime.now(UTC) + timedelta(days=30)


def test_certificates_that_are_not_verified_are_warned_of(shared_tls: Deployment) -> None:
    assert tone_of(outcome(shared_tls.access(verify=False)), "Certificates are not verified") == WARN


# --- Why it fails --------------------------------------------------------------------------------------------


def test_a_wrong_password(shared_replica_set: Deployment) -> None:
    assert "the password is wrong" in why(shared_replica_set.access(password="wrong"))


def test_a_wrong_authentication_database_is_told_from_a_wrong_password(shared_replica_set: Deployment) -> None:
    assert "accepts it in admin" in why(shared_replica_set.access(auth_source="shop"))
    assert "the password is wrong" in why(shared_replica_set.access(auth_source="shop", password="wrong"))


def test_a_mechanism_that_the_user_has_not(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.admin.command("createUser", "modern", pwd=PASSWORD, roles=["root"], mechanisms=["SCRAM-SHA-256"])
    access = replica_set.access(user="modern", mechanism="SCRAM-SHA-1")
    assert "does not offer the mechanism SCRAM-SHA-1" in why(access)


@pytest.mark.usefixtures("impatient")
def test_tls_that_is_off_but_needed(shared_tls: Deployment) -> None:
    assert f"127.0.0.1:{shared_tls.port} serves TLS only." in why(shared_tls.access(tls=False, ca=""))


@pytest.mark.usefixtures("impatient")
def test_tls_that_is_on_but_not_served(shared_replica_set: Deployment, authority: Authority) -> None:
    said = why(shared_replica_set.access(tls=True, ca=authority.path.read_text()))
    assert f"127.0.0.1:{shared_replica_set.port} does not serve TLS." in said


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Deployment]:
    certificate = authority.issue("long-ago", addresses=["127.0.0.1"], lasts=timedelta(days=-1))
    home = tmp_path_factory.mktemp("expired")
    with Deployment(home, tls=Tls(authority, certificate), authentication=False) as server:
        yield server


@pytest.mark.usefixtures("impatient")
def test_an_expired_certificate(expired: Deployment) -> None:
    assert "has expired. Renew it on the server." in why(expired.access(user="", password=""))
    result = outcome(expired.access(user="", password="", verify=False))
    assert tone_of(result, "The server's certificate expired on") == BAD


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_not_there() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"mongodb://127.0.0.1:{listener.getsockname()[1]}/"
    assert "could not be reached: Connection refused." in why(Access(address=address))


def test_a_name_that_is_unknown() -> None:
    assert "DNS has no address for nowhere.invalid." in why(Access(address="mongodb://nowhere.invalid:27017/"))


def test_a_server_that_does_not_answer_ends_the_test_in_time(shared_standalone: Deployment) -> None:
    with shared_standalone.paused():
        began = time.monotonic()
        assert "did not answer in time" in why(shared_standalone.access())
        assert time.monotonic() - began < 15


def test_a_test_can_be_given_up(shared_replica_set: Deployment) -> None:
    def give_up() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        testing_connection.test(shared_replica_set.access(), give_up)
