"""A server does not start on files that an archive may bring and that no server would have written."""

import subprocess
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure

from instances.engines.base import EngineError
from instances.engines.embedded import process
from tests.backups.real_archives import cut_of
from tests.instances.engines.servers import Server, copy, documents_of, inspect
from tests.instances.engines.tampering import tamper


def last_words(home: Path) -> str:
    """Start a server on the files, which has to end by itself; return its sentence."""
    server = process.spawn(home, process.free_port(), private=True)
    try:
        assert server.wait(20) == 1
    except subprocess.TimeoutExpired:
        pytest.fail("The server started.")
    finally:
        process.stop(server)
    assert process.rejected_files(home)
    return process.last_words(home)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a fresh copy of a cut, as an archive is unpacked."""
    copy(cut_of("shop"), tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("file:secantus_roles.wt\n", "file:../../other/secantus_roles.wt\n"),
        ('source="file:secantus_roles.wt"', 'source="file:../../other/secantus_roles.wt"'),
        ('source="file:secantus_roles.wt"', "source=file:/etc/secantus_roles.wt"),
        ('source="file:secantus_roles.wt"', 'source="file:secantus_users.wt"'),
        ("table:secantus_roles\n", "table:secantus_more\n"),
    ],
)
def test_metadata_that_leads_elsewhere_is_rejected(home: Path, ours: str, theirs: str) -> None:
    metadata = home / "data/WiredTiger.backup"
    text = metadata.read_text()
    assert ours in text
    metadata.write_text(text.replace(ours, theirs))
    assert "contain a metadata that no server wrote" in last_words(home)
    # Nothing was opened yet.
    assert not (home / "data/WiredTiger.lock").exists()


def test_a_table_that_only_the_log_creates_is_rejected(home: Path) -> None:
    tamper(home, 'session.create("table:secantus_more", "key_format=S,value_format=S")')
    (home / "data/opened").touch()
    assert last_words(home).endswith("'colgroup:secantus_more'.")


def test_a_file_of_a_table_that_no_server_has_is_rejected(home: Path) -> None:
    (home / "data/secantus_more.wt").write_bytes(b"")
    assert last_words(home) == "The database files contain a table that no server wrote: 'secantus_more.wt'."


def test_a_library_that_the_base_configuration_names_is_not_loaded(home: Path) -> None:
    (home / "data/WiredTiger.basecfg").write_text(f"extensions=[{home / 'missing.so'}]\nversion=(major=11,minor=2)\n")
    with Server(home) as server:
        assert documents_of(inspect(server)) == {"shop.customers": 0, "shop.orders": 1}


@pytest.mark.parametrize("note", ['["create_archive", "/tmp/archive"]', '["drop_collection", "shop"]', "no JSON"])
def test_a_change_that_no_server_began_is_not_finished(home: Path, note: str) -> None:
    tamper(home, f"table('console_changes')[{note!r}] = ''")
    assert last_words(home).startswith("The database files contain a change that no server began: ")


def test_a_user_hidden_behind_the_agents_record_is_rejected(home: Path) -> None:
    tamper(home, "table('users')['admin', 'mole'] = bson.encode({'db': 'admin', 'user': 'console-agent'})")
    assert last_words(home) == "The database files contain a user that no server wrote: 'admin.mole'."


def test_no_view_runs_when_the_agent_checks_whether_the_server_is_alive(
    server: Server,
) -> None:
    client = server.client()
    client.admin.create_collection("console.health", viewOn="other", pipeline=[{"$set": {"a": {"$divide": [1, 0]}}}])
    client.admin.other.insert_one({})
    with pytest.raises(OperationFailure):
        client.admin["console.health"].find_one()
    assert server._answers()


def test_a_database_with_a_name_that_no_client_can_use_is_reported(home: Path) -> None:
    tamper(home, "table('collections')['a b/c', 'orders'] = bson.encode({})")
    with Server(home) as server, pytest.raises(EngineError, match="a database with an impossible name"):
        inspect(server)
