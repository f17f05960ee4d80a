"""The internals of the driver that dumps use, because it has nothing public for them.

Its raw batches copy each reply three times, and its names are stricter than those of servers.
"""

import inspect
from typing import Any

import pymongo
import pytest
from pymongo.cursor import RawBatchCursor
from pymongo.message import _OpMsg

from instances.engines.base import Access, Client
from instances.engines.deployment import connect, namespaces
from instances.engines.deployment.connect import connected
from instances.engines.deployment.mongodump import Namespace
from instances.engines.deployment.replies import Replies

GONE = (
    f"pymongo {pymongo.version} no longer has {{}}, which instances/engines/deployment/{{}} uses. Adapt that file, or "
    "exclude this version in pyproject.toml."
)


@pytest.mark.parametrize(
    ("owner", "name", "file"),
    [(RawBatchCursor, "_unpack_response", "replies.py"), (_OpMsg, "raw_command_response", "replies.py")],
)
def test_the_driver_still_has_the_methods_that_dumps_use(owner: type, name: str, file: str) -> None:
    assert callable(getattr(owner, name, None)), GONE.format(f"{owner.__name__}.{name}()", file)


def test_the_driver_still_unpacks_replies_with_the_same_arguments() -> None:
    theirs, ours = (
        [(each.name, each.default) for each in inspect.signature(kind._unpack_response).parameters.values()]
        for kind in (RawBatchCursor, Replies)
    )
    assert theirs == ours, GONE.format("the arguments of RawBatchCursor._unpack_response()", "replies.py")


@pytest.fixture
def client() -> Any:
    with connected(Access(address="mongodb://127.0.0.1:1/")) as client:
        yield client


def test_the_driver_still_lets_names_be_set(client: Client) -> None:
    for known, name, file in (
        (client.any, "_name", "connect.py"),
        (client.any.any, "_name", "namespaces.py"),
        (client.any.any, "_full_name", "namespaces.py"),
    ):
        assert name in vars(known), GONE.format(f"{type(known).__name__}.{name}", file)
    assert connect.database_of(client, "a b").name == "a b"
    collection = namespaces.collection_of(client, Namespace("a b", "c$d"))
    assert (collection.name, collection.full_name) == ("c$d", "a b.c$d")
