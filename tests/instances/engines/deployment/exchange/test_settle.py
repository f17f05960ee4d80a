"""An interrupted restoration is finished or undone once, and only on the deployment that it changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bson import Code

from instances.engines import deployment
from instances.engines.base import Client, Collection, Contents, Database, EngineError
from instances.engines.deployment import exchange, journal
from tests.instances.engines.deployment.dumps import Dumped, dump_of
from tests.instances.engines.deployment.exchange.restoring import (
    ELSEWHERE,
    MOVED,
    RESTORED,
    STEPS,
    TAG,
    Died,
    interrupt,
    restore,
    settle,
    state,
)


def test_a_temporary_collection_that_another_client_drops_is_reported_once(
    client: Client, tmp_path: Path, once_planned: Any
) -> None:
    once_planned(lambda planned: client.shop.drop_collection(planned.moves[-1].temporary.collection))

    with pytest.raises(EngineError, match=r"Another client changed the collection shop\.was_view"):
        restore(client, tmp_path)

    assert settle(client, tmp_path)
    assert state(client) == {name: found for name, found in RESTORED.items() if name != "shop.was_view"}


def test_the_next_restore_finishes_an_interrupted_one_first(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, die_before: Callable[[int], list[str]]
) -> None:
    die_before(STEPS - 5)
    with pytest.raises(Died):
        restore(client, tmp_path)
    monkeypatch.undo()

    with pytest.raises(EngineError):
        restore(client, tmp_path, expected=lambda: Contents(()))

    assert state(client) == RESTORED


def only(dumped: Dumped) -> dict[str, Any]:
    """Return the options of a restore of this collection of the database shop alone."""
    listed = Contents((Database("shop", (Collection(dumped.name, 1, ("_id_",)),)),))
    return {"blocks": dump_of(dumped), "expected": lambda: listed}


def test_a_backup_without_collections_leaves_another_deployment_alone(
    client: Client, other: Client, tmp_path: Path
) -> None:
    elsewhere = state(other)
    scripts = Dumped("system.js", [{"_id": "new", "value": Code("return 2")}])
    interrupt(client, tmp_path, journal.State.RESTORED, **only(scripts))

    with pytest.raises(EngineError, match=ELSEWHERE):
        settle(other, tmp_path, address=MOVED)

    assert state(other) == elsewhere
    assert settle(client, tmp_path) and list(state(client)) == ["admin.tools", "shop.system.js"]


def test_an_empty_backup_leaves_another_deployment_alone(client: Client, other: Client, tmp_path: Path) -> None:
    elsewhere = state(other)
    interrupt(client, tmp_path, journal.State.RESTORED, blocks=dump_of(), expected=lambda: Contents(()))

    with pytest.raises(EngineError, match=ELSEWHERE):
        settle(other, tmp_path, address=MOVED)

    assert state(other) == elsewhere
    assert settle(client, tmp_path) and list(state(client)) == ["admin.tools"]


def test_a_deployment_is_known_again_whatever_its_clients_did_meanwhile(client: Client, tmp_path: Path) -> None:
    interrupt(client, tmp_path, journal.State.RESTORED, **only(Dumped("orders", [{"_id": 1}])))
    client.shop.orders.drop()
    client.shop.orders.insert_one({"_id": 5})

    with pytest.raises(EngineError, match=r"Another client changed the collection shop\.orders"):
        settle(client, tmp_path)

    assert settle(client, tmp_path) and not exchange.unsettled(tmp_path)
    assert state(client)["shop.orders"] == ({}, ["_id_"], ["{'_id': 5}"])


@pytest.mark.parametrize("interrupted", [journal.State.EXCHANGING, journal.State.RESTORED])
def test_creating_the_mark_again_lets_the_agent_go_on(
    client: Client, tmp_path: Path, interrupted: journal.State
) -> None:
    before = state(client)
    interrupt(client, tmp_path, interrupted)
    client.gone.drop_collection("console.restore.4711.mark")
    for _repeated in range(2):
        with pytest.raises(EngineError, match=ELSEWHERE):
            settle(client, tmp_path, address=MOVED)

    client.gone.create_collection("console.restore.4711.mark")

    restored = interrupted == journal.State.RESTORED
    assert settle(client, tmp_path, address=MOVED) == restored
    assert state(client) == (RESTORED if restored else before)


def test_a_mark_that_a_crash_has_lost_is_not_missed_where_the_address_is_the_same(
    client: Client, tmp_path: Path
) -> None:
    """A server that keeps less than it acknowledged loses what it wrote last."""
    before = state(client)
    interrupt(client, tmp_path, journal.State.EXCHANGING)
    client.gone.drop_collection("console.restore.4711.mark")

    assert not settle(client, tmp_path)

    assert state(client) == before and not exchange.unsettled(tmp_path)


def test_a_journal_is_that_of_one_restoration(client: Client, tmp_path: Path) -> None:
    restore(client, tmp_path)

    assert deployment().journaled(tmp_path) and deployment().journaled(tmp_path, TAG)
    assert not deployment().journaled(tmp_path, "4712")


def test_a_journal_from_before_there_were_marks_needs_one(client: Client, tmp_path: Path) -> None:
    before = state(client)
    interrupt(client, tmp_path, journal.State.EXCHANGING)
    path = tmp_path / journal.NAME
    old = json.loads(path.read_text())
    del old["mark"], old["address"]
    path.write_text(json.dumps(old))
    with pytest.raises(EngineError, match=r"the collection admin\.console\.restore\.4711\.mark"):
        settle(client, tmp_path)

    client.admin.create_collection("console.restore.4711.mark")

    assert not settle(client, tmp_path) and state(client) == before


def test_what_an_interrupted_write_of_the_journal_has_left_goes_with_it(client: Client, tmp_path: Path) -> None:
    interrupt(client, tmp_path, journal.State.LOADING)
    (tmp_path / "exchange.json.new").write_text("{")

    assert not settle(client, tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_damaged_journal_is_reported_with_its_place(client: Client, tmp_path: Path) -> None:
    (tmp_path / "exchange.json").write_text('{"tag": "1"}')

    with pytest.raises(
        EngineError, match=f"The record of an unfinished restore in {tmp_path}/exchange.json is damaged"
    ):
        settle(client, tmp_path)
