"""A restore to an empty deployment needs one without data."""

from pathlib import Path
from typing import Any

import pytest

from instances.engines.base import Client, Collection, Contents, Database, EngineError
from instances.engines.deployment import exchange
from tests.deployments import Deployment
from tests.instances.engines.deployment.dumps import Dumped, dump_of
from tests.instances.engines.deployment.exchange.restoring import restore, settle, state


def restore_to_empty(client: Client, directory: Path, **changes: Any) -> None:
    listed = Contents((Database("shop", (Collection("orders", 1, ("_id_",)),)),))
    blocks = dump_of(Dumped("orders", [{"_id": 1}]))
    restore(client, directory, **{"blocks": blocks, "expected": lambda: listed, "empty": True} | changes)


def test_a_restore_to_an_empty_deployment_needs_one_without_data(replica_set: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        restore_to_empty(client, tmp_path)
        exchange.forget(tmp_path)
        before = state(client)
        assert before == {"shop.orders": ({}, ["_id_"], ["{'_id': 1}"])}
        with pytest.raises(EngineError, match="it has the database shop"):
            restore_to_empty(client, tmp_path)
        assert state(client) == before and not exchange.unsettled(tmp_path)


def test_a_deployment_with_data_in_the_database_admin_is_not_empty(client: Client, tmp_path: Path) -> None:
    for name in ("shop", "gone"):
        client.drop_database(name)
    with pytest.raises(EngineError, match="it has the database admin"):
        restore_to_empty(client, tmp_path)
    assert list(state(client)) == ["admin.tools"] and not exchange.unsettled(tmp_path)


def test_what_a_client_creates_while_an_empty_deployment_is_loaded_stops_it(
    replica_set: Deployment, tmp_path: Path
) -> None:
    with replica_set.client() as client:

        def create(_documents: int) -> None:
            client.crm.people.replace_one({"_id": 5}, {}, upsert=True)

        with pytest.raises(EngineError, match="it has the database crm"):
            restore_to_empty(client, tmp_path, report=create)
        assert state(client) == {"crm.people": ({}, ["_id_"], ["{'_id': 5}"])}


def test_an_empty_backup_is_restored_to_an_empty_deployment(replica_set: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        restore_to_empty(client, tmp_path, blocks=dump_of(), expected=lambda: Contents(()))
        assert not state(client) and settle(client, tmp_path)
