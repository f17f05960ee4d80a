"""A cut of a real server: its contents, and the state after a server or an agent ends while the cut is open."""

import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

import gridfs
import pytest
from bson import ObjectId
from pymongo.errors import OperationFailure

from instances.engines import embedded
from instances.engines.base import Contents, EngineError
from tests.instances.engines.servers import PASSWORD, Server, back_up, copy, documents_of, inspect
from tests.waiting import wait_for


def test_a_copy_of_the_files_has_the_contents_of_the_cut(server: Server, tmp_path: Path) -> None:
    client = server.client()
    shop = client.shop
    shop.orders.insert_many([{"number": number} for number in range(1000)])
    shop.orders.create_index("number", unique=True, name="by_number")
    shop.command("create", "cheap", viewOn="orders", pipeline=[{"$match": {"number": {"$lt": 10}}}])
    shop.create_collection("visits", timeseries={"timeField": "at"})
    shop.create_collection("latest", capped=True, size=4096, max=3)
    shop.create_collection("checked", validator={"a": {"$type": "int"}})
    shop.latest.insert_many([{"n": number} for number in range(5)])
    shop["dotted.name"].insert_one({})
    gridfs.GridFS(client.files).put(b"x" * 1_000_000, filename="a")
    contents = back_up(server, tmp_path / "copy")
    shop.orders.insert_one({"number": 5000})
    client.later.later.insert_one({})
    with Server(tmp_path / "copy") as restored:
        assert inspect(restored) == contents
        copied = restored.client().shop
        assert copied.orders.index_information() == shop.orders.index_information()
        assert copied.cheap.count_documents({}) == 10
        copied.latest.insert_one({"n": 9})
        assert copied.latest.count_documents({}) == 3
        with pytest.raises(OperationFailure, match="validation"):
            copied.checked.insert_one({"a": "text"})
        assert gridfs.GridFS(restored.client().files).get_last_version("a").read() == b"x" * 1_000_000
    assert documents_of(contents)["shop.orders"] == 1000


def test_an_empty_instance_can_be_cut_too(server: Server, tmp_path: Path) -> None:
    assert back_up(server, tmp_path / "copy").databases == ()
    with Server(tmp_path / "copy") as restored:
        assert inspect(restored).databases == ()


def test_a_server_killed_while_a_cut_is_open_loses_nothing(server: Server) -> None:
    client = server.client()
    client.shop.before.insert_one({})
    with pytest.raises(EngineError), embedded().backup(server.address) as cut:
        cut.contents()
        for number in range(6):
            client.shop[f"during{number}"].insert_many([{"n": n} for n in range(100)])
        server.kill()
    assert (server.home / "data/WiredTiger.backup").exists()
    server.start()
    assert documents_of(inspect(server)) == {"shop.before": 1} | {f"shop.during{number}": 100 for number in range(6)}


def test_a_restored_copy_survives_kills_during_its_first_start(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.shop.orders.insert_many([{"n": n} for n in range(5000)])
    contents = back_up(server, tmp_path / "copy")
    restored = Server(tmp_path / "copy")
    for pause in range(10):
        # Within the first half second, WiredTiger has taken over the metadata but not yet the rest.
        restored.start(wait=False)
        with suppress(subprocess.TimeoutExpired):
            restored.running.wait(0.15 + pause * 0.03)
        restored.kill()
    with restored:
        assert inspect(restored) == contents


class _GoneError(Exception):
    pass


def test_an_agent_that_dies_leaves_no_cut_open(server: Server, tmp_path: Path) -> None:
    server.client().shop.orders.insert_one({})
    connection = ExitStack()
    connection.enter_context(embedded().backup(server.address))
    with pytest.raises(EngineError, match="Another backup of this instance is open"):
        back_up(server, tmp_path / "second")
    # The connection breaks without a command that closes the cut.
    assert not connection.__exit__(_GoneError, _GoneError(), None)
    contents = wait_for(lambda: _unless_busy(server, tmp_path / f"{ObjectId()}"), because="another cut")
    assert contents
    assert documents_of(contents) == {"shop.orders": 1}


def _unless_busy(server: Server, home: Path) -> Contents | None:
    try:
        return back_up(server, home)
    except EngineError:
        return None


def test_a_cut_that_the_server_has_closed_is_no_backup(server: Server) -> None:
    client = server.client()
    client.shop.orders.insert_one({})
    with pytest.raises(EngineError), embedded().backup(server.address) as cut:
        cut.contents()
        server.running.terminate()
        server.running.wait(10)


def test_a_drop_during_a_cut_damages_neither_the_cut_nor_the_instance(server: Server, tmp_path: Path) -> None:
    client = server.client()
    for database in ("kept", "dropped"):
        for collection in ("one", "two"):
            client[database][collection].insert_many([{"n": n} for n in range(3000)])
    with embedded().backup(server.address) as cut:
        client.kept.one.drop()
        client.drop_database("dropped")
        client.kept.three.insert_one({})
        contents = copy(cut, tmp_path / "copy")
    assert documents_of(inspect(server)) == {"kept.two": 3000, "kept.three": 1}
    with Server(tmp_path / "copy") as restored:
        assert inspect(restored) == contents
    assert documents_of(contents) == {f"{d}.{c}": 3000 for d in ("dropped", "kept") for c in ("one", "two")}


def test_a_document_of_16_megabytes_is_in_the_cut(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.shop.big.insert_one({"_id": 1, "text": "x" * (16 * 1024 * 1024 - 100)})
    contents = back_up(server, tmp_path / "copy")
    with Server(tmp_path / "copy") as restored:
        assert inspect(restored) == contents
        found = restored.client().shop.big.find_one()
        assert found and len(found["text"]) == 16 * 1024 * 1024 - 100


def test_300_databases_with_10_collections_fit_into_1024_descriptors(tmp_path: Path) -> None:
    with Server(tmp_path / "original", descriptors=1024) as server:
        client = server.client()
        for database in range(300):
            for collection in range(10):
                client[f"d{database}"].create_collection(f"c{collection}")
            client[f"d{database}"].c0.insert_one({})
        contents = back_up(server, tmp_path / "copy")
    assert len(contents.databases) == 300 and contents.documents == 300
    with Server(tmp_path / "copy", descriptors=1024) as restored:
        assert inspect(restored) == contents


def test_the_commands_of_a_backup_exist_only_for_the_agent(server: Server) -> None:
    admin = server.client().admin
    backup = ("console.openBackup", "console.backupContents", "console.closeBackup")
    for command in (*backup, "console.documents", "console.read", "console.check"):
        with pytest.raises(OperationFailure, match="no such command"):
            admin.command(command)


def test_clients_cannot_see_or_change_the_agents_user(server: Server) -> None:
    admin = server.client().admin
    assert [user["user"] for user in admin.command("usersInfo")["users"]] == ["rwuser"]
    assert [user["user"] for user in admin["system.users"].find()] == ["rwuser"]
    for command in ("updateUser", "dropUser", "usersInfo"):
        with pytest.raises(OperationFailure, match="not found"):
            admin.command({command: "console-agent"} | ({"pwd": "x"} if command == "updateUser" else {}))
    for asked in ({"user": "console-agent", "db": "admin"}, [{"user": "console-agent", "db": "admin"}]):
        for database in (admin, admin.client.shop):
            assert database.command("usersInfo", asked, showCredentials=True)["users"] == []
    admin.command("dropAllUsersFromDatabase", 1)
    assert embedded().alive(server.address)


def test_wrong_passwords_and_unknown_users_are_rejected(server: Server) -> None:
    assert server.client().shop.orders.insert_one({}).acknowledged
    for wrong in (server.client(password=f"{PASSWORD}x"), server.client(user="somebody")):
        with pytest.raises(OperationFailure, match="authentication failed"):
            wrong.shop.orders.find_one()
