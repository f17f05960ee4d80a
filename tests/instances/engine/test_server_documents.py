"""Documents come back as they were written, and a command changes those it names and no other."""

import uuid
from datetime import datetime
from typing import Any

import bson
import pytest
from bson import Binary, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure, WriteError

from instances.engine.calls import Engine
from instances.engine.wire import Document
from tests.instances.engine.servers import run

# Made once and written down: what a test is called must not change from one process to the next.
OWN_ID = ObjectId("6921e1234567890123456789")


def ids(collection: Collection[Document], query: Document | None = None) -> list[Any]:
    return [document["_id"] for document in collection.find(query)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ObjectId("692100000000000000000001"), ObjectId("692100000000000000000002")),
        (ObjectId("6921e1234567890123456781"), ObjectId("6922e1234567890123456782")),
        ("00123", 123),
        ("1e2", 100),
        ("7", 7),
    ],
)
def test_ids_that_look_like_numbers_stay_apart(database: Database[Document], one: Any, other: Any) -> None:
    database.items.insert_one({"_id": one})
    assert database.items.find_one({"_id": other}) is None
    assert database.items.delete_one({"_id": other}).deleted_count == 0
    database.items.insert_one({"_id": other, "second": True})
    assert database.items.find_one({"_id": one}) == {"_id": one}
    assert database.items.delete_one({"_id": other}).deleted_count == 1
    assert ids(database.items) == [one]


def test_whole_numbers_find_their_ids_by_value_and_order(database: Database[Document]) -> None:
    database.items.insert_many([{"_id": number} for number in (5, 40, 300, 2**53 + 1, -7)])
    assert ids(database.items, {"_id": 5.0}) == [5]
    assert sorted(ids(database.items, {"_id": {"$gt": 30}})) == [40, 300, 2**53 + 1]
    assert sorted(ids(database.items, {"_id": {"$in": [-7, 40, 8]}})) == [-7, 40]


def test_a_document_is_deleted_by_itself_not_by_the_number_of_its_row(database: Database[Document]) -> None:
    database.items.insert_many([{"_id": n, "tags": ["a", n]} for n in (30, 20, 10, 3, 2, 1)])
    assert database.items.delete_one({}).deleted_count == 1
    assert ids(database.items) == [20, 10, 3, 2, 1]
    assert database.items.delete_many({"tags": {"$in": [10, 3]}}).deleted_count == 2
    assert sorted(ids(database.items)) == [1, 2, 20]


def test_documents_are_updated_by_themselves_not_by_the_number_of_their_row(database: Database[Document]) -> None:
    database.items.insert_many([{"_id": n, "n": n} for n in (30, 20, 3, 2, 1)])
    assert database.items.update_many({"n": {"$in": [30, 2]}}, {"$set": {"hit": True}}).modified_count == 2
    assert sorted(ids(database.items, {"hit": True})) == [2, 30]
    assert database.items.update_one({}, {"$set": {"first": True}}).modified_count == 1
    assert ids(database.items, {"first": True}) == [30]


def test_documents_are_found_by_the_ids_they_refer_to(database: Database[Document]) -> None:
    owner, other = ObjectId(), ObjectId()
    database.items.insert_many([{"_id": 1, "owner": owner}, {"_id": 2, "owner": other}, {"_id": 3, "in": [owner]}])
    assert ids(database.items, {"owner": owner}) == [1]
    assert ids(database.items, {"owner": {"$in": [owner, other]}}) == [1, 2]
    assert database.items.count_documents({"owner": owner}) == 1
    assert database.items.update_many({"owner": owner}, {"$set": {"n": 1}}).modified_count == 1
    assert database.items.delete_many({"owner": other}).deleted_count == 1


def test_a_field_called_id_is_not_the_id(database: Database[Document]) -> None:
    reference = str(ObjectId())
    database.items.insert_many([{"_id": 1, "id": 2}, {"_id": 2, "id": 1}, {"_id": 3, "id": reference}])
    assert ids(database.items, {"id": 1}) == [2]
    assert ids(database.items, {"id": reference}) == [3]
    assert database.items.delete_one({"id": 2}).deleted_count == 1
    assert ids(database.items) == [2, 3]


@pytest.mark.parametrize("document_id", [OWN_ID, "plain", 17])
def test_an_upsert_keeps_the_id_it_was_asked_for(database: Database[Document], document_id: Any) -> None:
    asked = {"_id": document_id}
    assert database.items.update_one(asked, {"$set": {"n": 1}}, upsert=True).upserted_id == document_id
    assert database.items.find_one(asked) == {"_id": document_id, "n": 1}
    database.items.delete_one(asked)
    assert database.items.replace_one(asked, {"n": 2}, upsert=True).upserted_id == document_id
    assert database.items.find_one(asked) == {"_id": document_id, "n": 2}
    database.items.delete_one(asked)
    assert database.items.find_one_and_replace(asked, {"n": 3}, upsert=True, return_document=True) == {
        "_id": document_id,
        "n": 3,
    }


def test_a_replaced_document_keeps_its_id(database: Database[Document]) -> None:
    document_id = database.items.insert_one({"n": 1}).inserted_id
    database.items.update_one({"n": 1}, {"$set": {"n": 2}})
    database.items.replace_one({"n": 2}, {"n": 3})
    assert database.items.find_one_and_replace({"n": 3}, {"n": 4}, return_document=True) == {
        "_id": document_id,
        "n": 4,
    }
    assert list(database.items.find()) == [{"_id": document_id, "n": 4}]


def test_an_id_is_not_changed(database: Database[Document]) -> None:
    database.items.insert_one({"_id": 1, "n": 1})
    with pytest.raises(WriteError) as refused:
        database.items.update_one({"n": 1}, {"$set": {"_id": 2}})
    assert refused.value.code == 66
    with pytest.raises(WriteError):
        database.items.replace_one({"n": 1}, {"_id": 2, "n": 1})
    assert list(database.items.find()) == [{"_id": 1, "n": 1}]


def test_find_and_modify_changes_what_it_returns(database: Database[Document]) -> None:
    database.items.insert_many([{"_id": n, "n": n, "note": "x"} for n in (30, 20, 10)])
    before = database.items.find_one_and_update({}, {"$inc": {"n": 1}}, sort=[("n", 1)], projection=["n"])
    assert before == {"_id": 10, "n": 10}
    assert database.items.find_one_and_delete({"n": {"$in": [30, 31]}}) == {"_id": 30, "n": 30, "note": "x"}
    assert database.items.find_one_and_delete({"n": 999}) is None
    assert sorted((item["_id"], item["n"]) for item in database.items.find()) == [(10, 11), (20, 20)]


def test_updates_this_engine_would_get_wrong_are_refused(database: Database[Document]) -> None:
    database.items.insert_one({"_id": 1, "n": 1})
    with pytest.raises(WriteError):
        database.items.update_one({}, [{"$set": {"n": 2}}])
    with pytest.raises(OperationFailure):
        database.items.update_many({}, {"$set": {"n": 2}}, collation={"locale": "en"})
    mixed = {"update": "items", "updates": [{"q": {}, "u": {"$set": {"a": 1}, "b": 1}}]}
    assert database.command(mixed)["writeErrors"][0]["code"] == 9
    assert list(database.items.find()) == [{"_id": 1, "n": 1}]


@pytest.mark.parametrize(
    "value",
    [
        Binary(uuid.UUID(int=7).bytes, 4),
        Binary(b"own", 128),
        b"\x00\xff",
        datetime(2025, 2, 3, 4, 5, 6, 789000),
        2**63 - 1,
        -(2**63),
        -0.5,
        1e308,
        "a\x00b'\"$\\",
        "😀",
        OWN_ID,
        None,
        True,
        {"nested": [1, [2, {"deep": OWN_ID}]]},
        {"a.b": 1, "": 2, "$c": 3},
        [],
        {},
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(database: Database[Document], value: Any) -> None:
    database.items.insert_one({"_id": 1, "value": value})
    found = database.items.find_one({"_id": 1})
    assert found is not None and found["value"] == value and type(found["value"]) is type(bson_value(value))


def bson_value(value: Any) -> Any:
    """The value as BSON alone would return it: large numbers come back in a class of their own."""
    return bson.decode(bson.encode({"value": value}))["value"]


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), bson.Decimal128("1.1"), bson.Timestamp(1, 1), bson.Regex("a"), bson.Code("x")],
    ids=repr,
)
def test_a_value_that_would_not_come_back_is_refused(database: Database[Document], value: Any) -> None:
    with pytest.raises(WriteError):
        database.items.insert_one({"value": value})
    assert database.items.count_documents({}) == 0


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.builds(ObjectId, st.binary(min_size=12, max_size=12)),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.dictionaries(st.sampled_from(["a", "id", "data", "b.c", "é"]), values))
def test_any_document_comes_back_as_it_was(engine: Engine, document: Document) -> None:
    document = {"_id": ObjectId(), **document}
    written = bson.decode(bson.encode(document))
    assert run(engine, {"insert": "items", "documents": [written]})["n"] == 1
    found = {"find": "items", "filter": {"_id": document["_id"]}}
    reply = bson.decode(bson.encode(run(engine, found)))
    assert reply["cursor"]["firstBatch"] == [written]
