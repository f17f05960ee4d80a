from collections.abc import Iterator
from pathlib import Path

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from instances.engine.calls import Engine
from instances.engine.guards import GuardedHandler
from instances.engine.wire import Document
from tests.instances.engine.servers import Server


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that only send it commands; each in a database of its own."""
    server = Server(tmp_path_factory.mktemp("shared"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def mongo(shared: Server) -> Iterator[MongoClient[Document]]:
    client: MongoClient[Document]
    with MongoClient("127.0.0.1", shared.port, serverSelectionTimeoutMS=5000) as client:
        yield client


@pytest.fixture
def database(mongo: MongoClient[Document]) -> Iterator[Database[Document]]:
    name = f"test-{ObjectId()}"
    yield mongo[name]
    mongo.drop_database(name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may kill."""
    server = Server(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """The engine without a server around it, for what cannot be seen from outside."""
    (tmp_path / "data").mkdir()
    engine = Engine(tmp_path / "data")
    yield engine
    engine.handler.close(1)


@pytest.fixture
def handler(engine: Engine) -> GuardedHandler:
    return engine.handler
