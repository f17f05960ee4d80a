"""What a scripted server answers to a dump: collections that a test writes down, as MongoDB describes them."""

import itertools
from typing import Any

from bson import Timestamp
from bson.int64 import Int64

from tests.scripted import Document

NOW = Timestamp(1_700_000_000, 1)


class Served:
    """Collections by database and name. `batch` documents are sent at a time.

    `earlier` has what a read at NOW finds instead, in collections that have changed since.
    """

    def __init__(self, batch: int = 2) -> None:
        self.documents: dict[tuple[str, str], list[Document]] = {}
        self.earlier: dict[tuple[str, str], list[Document]] = {}
        self.infos: dict[tuple[str, str], Document] = {}
        self._batch_size = batch
        self._cursors: dict[int, list[Document]] = {}
        self._numbers = itertools.count(1)

    def add(
        self, database: str, name: str, documents: list[Document], *, type: str = "collection", **options: Any
    ) -> None:
        uuid = next(self._numbers).to_bytes(16, "big")
        self.documents[database, name] = documents
        self.infos[database, name] = {"name": name, "type": type, "options": options, "info": {"uuid": uuid}}

    def rename(self, database: str, name: str, to: str) -> None:
        self.documents[database, to] = self.documents.pop((database, name))
        self.infos[database, to] = self.infos.pop((database, name)) | {"name": to}

    @property
    def answers(self) -> dict[str, Any]:
        names = ("listDatabases", "listCollections", "listIndexes", "aggregate", "find", "getMore")
        return {name: getattr(self, name) for name in names}

    def listDatabases(self, _command: Document) -> Document:  # noqa: N802 - the command's name
        return {"databases": [{"name": name} for name in sorted({database for database, _ in self.infos})]}

    def listCollections(self, command: Document) -> Document:  # noqa: N802 - the command's name
        wanted = command.get("filter", {}).get("name")
        infos = [info for (database, name), info in sorted(self.infos.items()) if database == command["$db"]]
        return self._cursor(command, [info for info in infos if wanted in (None, info["name"])])

    def listIndexes(self, command: Document) -> Document:  # noqa: N802 - the command's name
        # Old servers send the namespace, too.
        return self._cursor(command, [{"v": 2, "key": {"_id": 1}, "name": "_id_", "ns": "any.any"}])

    def aggregate(self, command: Document) -> Document:
        documents = self.documents[command["$db"], command["aggregate"]]
        return self._cursor(command, [{"storageStats": {"size": 100 * len(documents)}, "count": len(documents)}])

    def find(self, command: Document) -> Document:
        name = command["$db"], command["find"]
        concern = command.get("readConcern", {})
        found = self.documents.get(name, [])
        if concern.get("atClusterTime") == NOW:
            found = self.earlier.get(name, found)
        batch = self._batch_size
        cursor = next(self._numbers) if len(found) > batch else 0
        self._cursors[cursor] = found[batch:]
        more = {"atClusterTime": NOW} if concern.get("level") == "snapshot" else {}
        return {
            "cursor": {"firstBatch": found[:batch], "id": Int64(cursor), "ns": ".".join(name), **more},
            "operationTime": NOW,
        }

    def getMore(self, command: Document) -> Document:  # noqa: N802 - the command's name
        number, batch = command["getMore"], self._batch_size
        left = self._cursors.pop(number)
        self._cursors[number] = left[batch:]
        following = number if left[batch:] else 0
        namespace = f"{command['$db']}.{command['collection']}"
        return {"cursor": {"nextBatch": left[:batch], "id": Int64(following), "ns": namespace}}

    def _cursor(self, command: Document, documents: list[Document]) -> Document:
        return {"cursor": {"firstBatch": documents, "id": Int64(0), "ns": f"{command['$db']}.any"}}
