"""Connecting clients: the connection string and the lines for programs, by type, address and TLS."""

from typing import Any

import pymongo
import pytest

from instances.choices import InstanceType
from instances.connecting import connection_string, snippets
from tests.factories import NEW_PASSWORD, make_deployment, make_host, make_instance

pytestmark = pytest.mark.django_db


def string(kind: InstanceType = InstanceType.REPLICA_SET, **host: Any) -> str:
    where = make_host()
    for name, value in host.items():
        setattr(where, name, value)
    return connection_string(make_instance(type=kind, port=8635, host=where))


def test_a_replica_set_is_found_by_its_name() -> None:
    assert string() == "mongodb://rwuser@127.0.0.1:8635/?authSource=admin&replicaSet=rs0"


@pytest.mark.parametrize("kind", [InstanceType.CLUSTER, InstanceType.SINGLE_NODE])
def test_every_other_type_is_a_single_server(kind: InstanceType) -> None:
    assert string(kind) == "mongodb://rwuser@127.0.0.1:8635/?authSource=admin"


def test_the_string_says_that_the_server_uses_tls() -> None:
    assert string(db_address="10.0.0.5", db_tls=True).endswith(
        "@10.0.0.5:8635/?authSource=admin&replicaSet=rs0&tls=true"
    )


def test_a_replica_set_with_another_name_for_itself_is_reached_directly() -> None:
    named = string(db_address="db.example.org", db_tls=True, db_alias=True)
    assert named == "mongodb://rwuser@db.example.org:8635/?authSource=admin&directConnection=true&tls=true"


def test_an_ipv6_address_is_in_brackets() -> None:
    assert "@[::1]:8635/" in string(db_address="::1")


def test_an_instance_without_a_port_has_no_connection_string() -> None:
    instance = make_instance(port=None)
    assert connection_string(instance) == "" and snippets(instance) == []


def test_pymongo_accepts_the_string_with_a_separate_password() -> None:
    with pymongo.MongoClient[dict[str, Any]](string(), password=NEW_PASSWORD, connect=False) as client:
        assert client.options.pool_options is not None


def test_lines_for_three_programs_contain_no_password() -> None:
    instance = make_instance(port=8635)
    lines = {snippet.program: snippet.lines for snippet in snippets(instance)}
    assert list(lines) == ["mongosh", "Python (pymongo)", "Node.js (mongodb)"]
    assert all(connection_string(instance) in line for line in lines.values())
    assert "getpass()" in lines["Python (pymongo)"] and "process.env" in lines["Node.js (mongodb)"]


# --- Existing deployments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"address": "mongodb://a.example.org:27017,b.example.org:27017/?replicaSet=rs0"},
            "mongodb://backup@a.example.org:27017,b.example.org:27017/?replicaSet=rs0&authSource=admin",
        ),
        (
            {"address": "mongodb://a.example.org:27017/", "user": "mail@example.org", "auth_source": "shop"},
            "mongodb://mail%40example.org@a.example.org:27017/?authSource=shop",
        ),
        ({"address": "mongodb://a.example.org:27017/", "user": ""}, "mongodb://a.example.org:27017/"),
        (
            {"address": "mongodb://[::1]:27017/", "mechanism": "SCRAM-SHA-1", "tls": True},
            "mongodb://backup@[::1]:27017/?authSource=admin&authMechanism=SCRAM-SHA-1&tls=true",
        ),
        (
            {"address": "mongodb+srv://c.example.org/", "tls": True},
            "mongodb+srv://backup@c.example.org/?authSource=admin",
        ),
        (
            {"address": "mongodb+srv://c.example.org/", "tls": False, "user": ""},
            "mongodb+srv://c.example.org/?tls=false",
        ),
        (
            {"address": "mongodb://a.example.org:27017/", "user": "", "mechanism": "MONGODB-X509", "tls": True},
            "mongodb://a.example.org:27017/?authMechanism=MONGODB-X509&tls=true",
        ),
    ],
)
def test_a_deployment_is_reached_as_its_connection_says(fields: dict[str, Any], expected: str) -> None:
    instance = make_deployment(**fields).instance
    assert connection_string(instance) == expected
    lines = {snippet.program: snippet.lines for snippet in snippets(instance)}
    assert all(expected in line and NEW_PASSWORD not in line for line in lines.values())
    asks = bool(fields.get("user", "backup"))
    assert ("getpass" in lines["Python (pymongo)"]) == ("DB_PASSWORD" in lines["Node.js (mongodb)"]) == asks
    compile(lines["Python (pymongo)"], "lines", "exec")


def test_the_address_of_a_deployment_has_its_hosts_only() -> None:
    address = "mongodb://a.example.org:27017,b.example.org:27018/?replicaSet=rs0"
    assert make_deployment(address=address).instance.address == "a.example.org:27017,b.example.org:27018"
    assert make_deployment(address="mongodb+srv://c.example.org/").instance.address == "c.example.org"
