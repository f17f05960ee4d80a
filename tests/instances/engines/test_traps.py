"""Default behaviour of SecantusDB or WiredTiger that would lose data, leak it, or leave a useless server."""

import resource
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import OperationFailure, PyMongoError

from instances.engines import embedded
from instances.engines.base import Client, EngineError
from instances.engines.embedded import process
from instances.engines.embedded.scratch_server import running
from tests.instances.engines.servers import PASSWORD, Server, back_up, documents_of, inspect
from tests.waiting import wait_for


def test_a_server_that_can_no_longer_write_ends_and_restarts_complete(server: Server) -> None:
    orders = server.client().shop.orders
    orders.insert_one({"_id": -1})
    resource.prlimit(server.running.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    acknowledged = 0
    with suppress(PyMongoError):
        while acknowledged < 1000:
            orders.insert_one({"_id": acknowledged, "text": "x" * 4096})
            acknowledged += 1
    assert acknowledged < 1000
    assert server.running.wait(20) == 1
    assert "The database server ended: " in server.log()
    server.start()
    assert documents_of(inspect(server))["shop.orders"] > acknowledged


def test_clients_cannot_use_up_the_descriptors_of_the_files(tmp_path: Path) -> None:
    """WiredTiger panics if it cannot open a file."""
    with Server(tmp_path / "home", descriptors=170) as server, ExitStack() as clients:
        shop = server.client().shop
        shop.command("ping")
        for _ in range(180):
            clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        for number in range(30):
            shop[f"orders-{number}"].insert_one({"_id": number})
        assert server.running.poll() is None
        assert len(shop.list_collection_names()) == 30


def test_a_server_that_may_open_too_few_files_says_what_to_do(tmp_path: Path) -> None:
    server = Server(tmp_path / "home", descriptors=100)
    server.start(wait=False)
    assert server.running.wait(20) == 1
    said = "The server may open only 100 files and connections, and needs 160: raise the limit (ulimit -n, or "
    assert process.last_words(server.home).startswith(said)


def test_an_open_transaction_does_not_delay_a_backup_and_is_not_in_it(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.shop.orders.insert_one({})
    with client.start_session() as session, session.start_transaction():
        client.shop.orders.insert_one({}, session=session)
        contents = back_up(server, tmp_path / "copy")
        session.commit_transaction()
    assert documents_of(contents) == {"shop.orders": 1}
    assert documents_of(inspect(server)) == {"shop.orders": 2}
    with Server(tmp_path / "copy") as restored:
        assert documents_of(inspect(restored)) == {"shop.orders": 1}


def test_a_backup_waits_for_an_index_that_is_being_built(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.shop.orders.insert_many([{"number": number} for number in range(20_000)])
    built = threading.Event()

    def build() -> None:
        client.shop.orders.create_index("number")
        built.set()

    building = threading.Thread(target=build)
    building.start()
    try:
        contents = wait_for(lambda: back_up(server, tmp_path / "copy"), because="a backup")
    finally:
        building.join()
    assert built.is_set()
    with Server(tmp_path / "copy") as restored:
        assert inspect(restored) == contents
        orders = restored.client().shop.orders
        if "number_1" in orders.index_information():
            assert orders.count_documents({"number": {"$gte": 0}}, hint="number_1") == 20_000


def test_a_server_does_not_start_empty_if_tables_exist(server: Server) -> None:
    server.client().shop.orders.insert_one({})
    server.kill()
    turtle = server.home / "data/WiredTiger.turtle"
    turtle.rename(turtle.with_suffix(".away"))
    server.start(wait=False)
    assert server.running.wait(20) == 1
    assert server.log().endswith("The database files are incomplete: WiredTiger.turtle is missing.\n")
    assert process.rejected_files(server.home)
    turtle.with_suffix(".away").rename(turtle)
    server.start()
    assert documents_of(inspect(server)) == {"shop.orders": 1}


def test_damaged_files_are_rejected_with_a_sentence(server: Server) -> None:
    server.kill()
    (server.home / "data/WiredTiger.turtle").write_bytes(b"no database")
    server.start(wait=False)
    assert server.running.wait(20) == 1
    assert server.log().strip().splitlines()[-1].startswith("The database files cannot be opened: ")


def test_the_log_has_no_contents_of_documents(server: Server) -> None:
    client = server.client()
    client.shop.orders.insert_one({"_id": 1, "secret": "Nobody-reads-this"})
    for work in (
        lambda: client.shop.orders.insert_one({"_id": 1, "secret": "Nobody-reads-this"}),
        lambda: client.shop.orders.find_one({"$where": "Nobody-reads-this"}),
        lambda: client.shop.orders.aggregate([{"$project": {"x": {"$toInt": "Nobody-reads-this"}}}]).to_list(),
        lambda: client.shop.command("findAndModify", "orders", update=["Nobody-reads-this"], query={}),
    ):
        with suppress(PyMongoError):
            work()
    assert "Nobody-reads-this" not in server.log()


def test_terminating_closes_cleanly_with_clients_and_a_backup_open(server: Server) -> None:
    client = server.client()
    client.shop.orders.insert_one({})
    session = client.start_session()
    session.start_transaction()
    client.shop.orders.insert_one({}, session=session)
    with pytest.raises(EngineError), embedded().backup(server.address):
        server.running.terminate()
        assert server.running.wait(10) == 0
    assert not (server.home / "data/WiredTiger.backup").exists()
    server.start()
    assert documents_of(inspect(server)) == {"shop.orders": 1}


def test_a_replica_set_and_a_single_node_report_what_they_are(tmp_path: Path) -> None:
    for replica_set, name in ((True, "rs0"), (False, None)):
        with Server(tmp_path / str(replica_set), replica_set=replica_set) as server:
            hello = server.client().admin.command("hello")
            assert hello.get("setName") == name and hello["isWritablePrimary"]
            address = f"mongodb://rwuser@127.0.0.1:{server.port}/?authSource=admin" + (
                "&replicaSet=rs0" if name else ""
            )
            driver: Client = pymongo.MongoClient(address, password=PASSWORD)
            with driver:
                assert driver.shop.orders.insert_one({}).acknowledged


def test_commands_that_read_or_write_files_do_not_exist(server: Server, tmp_path: Path) -> None:
    admin = server.client().admin
    kept = tmp_path / "kept"
    kept.write_text("kept")
    for command in ("secantusAdmin.backupArchive", "secantusAdmin.restoreArchive"):
        with pytest.raises(OperationFailure, match="no such command"):
            admin.command({command: 1, "outputPath": str(kept), "targetDir": str(tmp_path)})
    assert kept.read_text() == "kept"


def test_the_profiler_writes_no_password(server: Server) -> None:
    admin = server.client().admin
    admin.command("profile", 2)
    embedded().set_password(server.address, "Never-written-down-1")
    admin.command("createUser", "reader", pwd="Never-written-down-2", roles=["read"])
    written = str(list(admin["system.profile"].find()))
    assert "updateUser" in written and "Never-written-down" not in written


def test_collections_that_the_server_writes_by_itself_are_not_compared(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.shop.command("profile", 2)
    client.shop.orders.insert_one({})
    client.config.mine.insert_one({})
    client.shop.orders.find_one()
    contents = back_up(server, tmp_path / "copy")
    assert documents_of(contents) == {"shop.orders": 1}
    with Server(tmp_path / "copy") as restored:
        assert inspect(restored) == contents
        assert restored.client().config.mine.count_documents({}) == 1


def test_the_last_words_of_a_server_are_a_sentence_and_never_a_line_of_the_log(server: Server) -> None:
    server.kill()
    assert "Listening on" in server.log() and process.last_words(server.home) == ""
    (server.home / "data/WiredTiger.turtle").write_bytes(b"no database")
    server.start(wait=False)
    server.running.wait(20)
    assert process.last_words(server.home).startswith("The database files cannot be opened: ")


def test_a_private_server_deletes_no_expired_documents(tmp_path: Path) -> None:
    process.prepare(tmp_path)
    with running(tmp_path) as private:
        (command,) = [
            line.read_bytes().split(b"\0")
            for line in Path("/proc").glob("[0-9]*/cmdline")
            if f"--port\0{private.port}\0".encode() in line.read_bytes()
        ]
    assert b"--no-ttl" in command


def test_a_message_of_the_log_stays_on_its_line() -> None:
    code = """if True:
        import logging
        from launcher.logs import WithoutContents
        record = logging.LogRecord("x", 30, "x", 1, "Client %s", ("a\\nThe disk is full.\\x1b[31m",), None)
        print(WithoutContents("%(message)s").format(record))
    """
    room = Path(process.__file__).parent
    ran = subprocess.run([sys.executable, "-c", code], cwd=room, capture_output=True, text=True, check=True)
    assert ran.stdout == "Client a\\nThe disk is full.\\x1b[31m\n"
