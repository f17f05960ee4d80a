"""How people connect: the connection string and the lines for programs, by type, address and TLS."""

from typing import Any

import pymongo
import pytest

from instances.choices import InstanceType
from instances.connecting import connection_string, snippets
from tests.factories import NEW_PASSWORD, make_host, make_instance

pytestmark = pytest.mark.django_db


def string(kind: InstanceType = InstanceType.REPLICA_SET, **host: Any) -> str:
    where = make_host()
    for name, value in host.items():
        setattr(where, name, value)
    return connection_string(make_instance(type=kind, port=8635, host=where))


def test_a_replica_set_is_found_by_its_name() -> None:
    assert string() == "mongodb://rwuser@127.0.0.1:8635/?authSource=admin&replicaSet=rs0"


@pytest.mark.parametrize("kind", [InstanceType.CLUSTER, InstanceType.SINGLE_NODE])
def test_everything_else_is_one_server(kind: InstanceType) -> None:
    assert string(kind) == "mongodb://rwuser@127.0.0.1:8635/?authSource=admin"


def test_it_says_that_the_server_speaks_tls() -> None:
    assert string(db_address="10.0.0.5", db_tls=True).endswith(
        "@10.0.0.5:8635/?authSource=admin&replicaSet=rs0&tls=true"
    )


def test_a_replica_set_that_calls_itself_otherwise_is_reached_directly() -> None:
    named = string(db_address="db.example.org", db_tls=True, db_alias=True)
    assert named == "mongodb://rwuser@db.example.org:8635/?authSource=admin&directConnection=true&tls=true"


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert "@[::1]:8635/" in string(db_address="::1")


def test_before_it_has_a_port_there_is_nothing_to_connect_to() -> None:
    instance = make_instance(port=None)
    assert connection_string(instance) == "" and snippets(instance) == []


def test_pymongo_takes_it_with_the_password_beside_it() -> None:
    with pymongo.MongoClient[dict[str, Any]](string(), password=NEW_PASSWORD, connect=False) as client:
        assert client.options.pool_options is not None


def test_there_are_lines_for_three_programs_none_of_which_has_a_password() -> None:
    instance = make_instance(port=8635)
    lines = {snippet.program: snippet.lines for snippet in snippets(instance)}
    assert list(lines) == ["mongosh", "Python (pymongo)", "Node.js (mongodb)"]
    assert all(connection_string(instance) in line for line in lines.values())
    assert "getpass()" in lines["Python (pymongo)"] and "process.env" in lines["Node.js (mongodb)"]
