"""Reading all collections at one moment: what is proved, and what only promised."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import bson
import pytest
from bson import ObjectId

from instances.engines.base import Access, EngineError
from instances.engines.deployment import moment
from instances.engines.deployment.connect import connected
from instances.engines.deployment.moment import SNAPSHOT, TRANSACTION
from tests.deployments import Deployment


def proves(access: Access, way: str) -> bool:
    with connected(access, pool=2) as client:
        return moment.prove(client, way)


def test_a_transaction_is_kept(replica_set: Deployment) -> None:
    assert proves(replica_set.access(), TRANSACTION)


def test_snapshot_reads_that_are_only_promised_are_found_out(replica_set: Deployment) -> None:
    """SecantusDB answers with an atClusterTime, and then reads what was written later."""
    with connected(replica_set.access()) as client:
        client.shop.orders.insert_one({"_id": 1})
        with moment.open(client, SNAPSHOT) as opened, opened.reader() as (session, concern):
            assert "atClusterTime" in concern.document
            client.shop.orders.insert_one({"_id": 2})
            seen = client.shop.orders.with_options(read_concern=concern).find({}, session=session)
            assert len(list(seen)) == 2
    assert not proves(replica_set.access(), SNAPSHOT)


def test_a_standalone_refuses_snapshot_reads(standalone: Deployment) -> None:
    assert not proves(standalone.access(), SNAPSHOT)


def test_a_transaction_of_a_standalone_counts_if_it_is_kept(standalone: Deployment) -> None:
    """SecantusDB has transactions without a replica set; MongoDB refuses them."""
    assert proves(standalone.access(), TRANSACTION)


@pytest.mark.parametrize("way", [SNAPSHOT, TRANSACTION])
def test_nothing_of_a_proof_stays(replica_set: Deployment, way: str) -> None:
    with replica_set.client() as client:
        client[moment.PROBE].users_own.insert_one({})
        abandoned = ObjectId.from_datetime(datetime.now(UTC) - timedelta(hours=2))
        client[moment.PROBE][f"probe_{abandoned}"].insert_one({})
        running = ObjectId()
        client[moment.PROBE][f"probe_{running}"].insert_one({})
        proves(replica_set.access(), way)
        assert set(client[moment.PROBE].list_collection_names()) == {"users_own", f"probe_{running}"}


def test_a_transaction_reads_all_collections_at_its_moment(replica_set: Deployment) -> None:
    with connected(replica_set.access(reads_from="nearest"), pool=2) as client:
        for name in ("shop", "office"):
            client[name].things.insert_many([{"_id": number} for number in range(300)])
        began = datetime.now(UTC)
        with moment.open(client, TRANSACTION) as opened:
            # The server is another process, whose clock may differ a little.
            assert abs(opened.at - began) < timedelta(minutes=1)
            for name in ("shop", "office"):
                client[name].things.delete_many({"_id": {"$lt": 100}})
                client[name].things.insert_one({"_id": 300})
            with opened.reader() as (session, _concern):
                for name in ("shop", "office"):
                    batches = client[name].things.find_raw_batches({}, session=session, batch_size=50)
                    assert sum(len(bson.decode_all(bytes(batch))) for batch in cast(Any, batches)) == 300
        assert client.shop.things.count_documents({}) == 201


def test_a_user_that_may_not_drop_leaves_nothing_behind(replica_set: Deployment) -> None:
    writes = {"resource": {"db": moment.PROBE, "collection": ""}, "actions": ["find", "insert", "listCollections"]}
    with replica_set.client() as client:
        client.admin.command("createRole", "writer", privileges=[writes], roles=[])
        replica_set.create_user("writer", ["writer"])
        with pytest.raises(EngineError, match="lacks a privilege"):
            proves(replica_set.access(user="writer"), TRANSACTION)
        assert client[moment.PROBE].list_collection_names() == []
