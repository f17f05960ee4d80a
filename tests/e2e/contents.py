"""The contents of an instance, for comparing two instances."""

from typing import Any

from tests.e2e.console import connect


def contents(port: int) -> dict[str, Any]:
    """Return the documents and indexes of every collection of every database, by "database.collection"."""
    found: dict[str, Any] = {}
    with connect(port) as client:
        for database in set(client.list_database_names()) - {"admin", "config", "local"}:
            for name in client[database].list_collection_names():
                collection = client[database][name]
                documents = sorted(collection.find(), key=lambda document: repr(document["_id"]))
                indexes = {key: sorted(index["key"]) for key, index in collection.index_information().items()}
                found[f"{database}.{name}"] = (documents, indexes)
    return found


def put(port: int, generation: str, *, documents: int = 300) -> None:
    """Replace the documents in two databases of the instance with documents of this generation."""
    with connect(port) as client:
        for database in ("shop", "users"):
            collection = client[database]["things"]
            collection.delete_many({})
            collection.insert_many(
                {"_id": number, "generation": generation, "text": f"{generation} " * 20} for number in range(documents)
            )
            collection.create_index("generation")


def generations(port: int) -> set[tuple[str, str, int]]:
    """Return the database, generation and `_id` of every document in the two databases."""
    with connect(port) as client:
        return {
            (database, document["generation"], document["_id"])
            for database in ("shop", "users")
            for document in client[database]["things"].find({}, {"generation": 1})
        }
