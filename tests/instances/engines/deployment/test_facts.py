"""What a deployment says about itself, and whether it is alive."""

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509

from instances.engines import deployment
from instances.engines.base import Access, EngineError
from instances.engines.deployment import facts, tls
from instances.engines.deployment.connect import connected
from instances.engines.deployment.facts import Watch, databases, engine_of, topology
from instances.engines.deployment.hosts import Host
from tests.deployments import Deployment
from tests.waiting import wait_for


def test_the_facts_of_a_deployment(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_many([{"text": "x" * 1000} for _ in range(20)])
        client.office.people.insert_one({})
    found = deployment().facts(replica_set.access())
    assert (found.engine, found.engine_version) == ("SecantusDB", "0.7.0b3")
    assert (found.storage_engine, found.compatible_version) == ("WiredTiger", "8.2")
    assert found.documents == 21
    assert found.storage_bytes > 20_000


def test_what_the_user_may_not_read_is_left_empty(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_many([{}, {}])
        client.office.people.insert_one({})
    replica_set.create_user("nobody", [{"role": "read", "db": "shop"}])
    found = deployment().facts(replica_set.access(user="nobody"))
    assert found.engine == "SecantusDB"
    assert (found.storage_engine, found.documents, found.storage_bytes, found.uptime_seconds) == ("", 0, 0, 0)
    with replica_set.client() as client:
        lists = {"resource": {"cluster": True}, "actions": ["listDatabases"]}
        client.admin.command("createRole", "lister", privileges=[lists], roles=[])
    replica_set.create_user("reader", [{"role": "read", "db": "shop"}, "lister"])
    found = deployment().facts(replica_set.access(user="reader"))
    assert (found.storage_engine, found.documents) == ("", 2)


def test_a_watch_knows_when_the_certificate_expires_also_if_it_is_not_trusted(
    shared_tls: Deployment, shared_replica_set: Deployment
) -> None:
    for access, alive in ((shared_tls.access(), True), (shared_tls.access(ca=""), False)):
        with closing(Watch(access)) as watch:
            assert watch.alive() is alive
            expires = watch.certificate_expires()
            assert expires and abs(expires - datetime.now(UTC) - timedelta(days=90)) < timedelta(hours=2)
    for access in (shared_replica_set.access(), shared_tls.access(ca="", verify=False)):
        with closing(Watch(access)) as watch:
            # No certificate, or one that stops nobody because it is not verified.
            assert watch.alive() and watch.certificate_expires() is None


def test_members_that_stay_silent_are_asked_for_a_few_seconds_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    now, given = 0.0, []

    def silent(host: Host, access: Access, seconds: float) -> None:
        nonlocal now
        given.append(seconds)
        now += seconds / 2
        raise TimeoutError

    monkeypatch.setattr(facts, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(tls, "server_expires", silent)
    hosts = ",".join(f"127.0.0.{number}" for number in range(1, 100))
    with closing(Watch(Access(address=f"mongodb://{hosts}/", tls=True))) as watch:
        assert watch.certificate_expires() is None
    assert len(given) > 2 and sum(given) / 2 <= facts.ALIVE_SECONDS


def test_a_certificate_that_cannot_be_read_has_no_known_end(
    shared_tls: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(data: bytes) -> None:
        raise ValueError("error parsing asn1 value")

    monkeypatch.setattr(x509, "load_der_x509_certificate", unreadable)
    with closing(Watch(shared_tls.access())) as watch:
        assert watch.alive() and watch.certificate_expires() is None


@pytest.mark.parametrize(
    ("build", "engine"),
    [
        ({"version": "7.0.14", "modules": []}, ("MongoDB", "7.0.14")),
        ({"version": "7.0.14", "modules": ["enterprise"]}, ("MongoDB Enterprise", "7.0.14")),
        ({"version": "7.0.14", "psmdbVersion": "7.0.14-8"}, ("Percona Server for MongoDB", "7.0.14-8")),
        ({"version": "7.0.77", "ferretdb": {"version": "v2.1.0"}}, ("FerretDB", "2.1.0")),
        ({"version": "8.2.11", "secantusVersion": "0.7.0b3"}, ("SecantusDB", "0.7.0b3")),
    ],
)
def test_the_engine_is_what_the_server_is(build: dict[str, object], engine: tuple[str, str]) -> None:
    assert engine_of(build) == engine


def test_the_topology_is_what_the_server_says(shared_replica_set: Deployment, shared_standalone: Deployment) -> None:
    with connected(shared_replica_set.access()) as client:
        assert topology(client) == ("replica set", "ReplicaSet")
    with connected(shared_standalone.access()) as client:
        assert topology(client) == ("standalone", "Single")


def test_databases_of_the_server_itself_are_left_out(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_one({})
    with connected(replica_set.access()) as client:
        assert databases(client) == ["shop"]


def test_a_watch_sees_that_a_server_stops_answering_and_answers_again(shared_standalone: Deployment) -> None:
    watch = Watch(shared_standalone.access())
    assert (watch.alive(), watch.why) == (True, "")
    with shared_standalone.paused():
        began = time.monotonic()
        assert not watch.alive()
        assert time.monotonic() - began < 10
        assert "did not answer in time" in watch.why
    assert (watch.alive(), watch.why) == (True, "")
    watch.close()


def test_a_watch_sees_that_a_server_ends_and_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "ALIVE_SECONDS", 1.0)
    with Deployment(tmp_path, users=False) as server:
        watch = Watch(server.access(user="", password=""))
        assert watch.alive()
        server.kill()
        assert not watch.alive()
        assert "could not be reached" in watch.why
        server.start()
        wait_for(watch.alive, because="the watch")
        watch.close()


def test_a_user_without_rights_is_enough_to_see_that_the_server_is_alive(replica_set: Deployment) -> None:
    replica_set.create_user("reader", ["read"], database="shop")
    assert deployment().alive(replica_set.access(user="reader", auth_source="shop"))


def test_a_wrong_password_makes_a_server_not_alive(shared_replica_set: Deployment) -> None:
    assert not deployment().alive(shared_replica_set.access(password="wrong"))


def test_a_closed_watch_answers_nothing(shared_replica_set: Deployment) -> None:
    watch = Watch(shared_replica_set.access())
    assert watch.alive()
    watch.close()
    assert not watch.alive()
    with pytest.raises(EngineError):
        watch.facts()
