"""Demo documents that give a new instance something to look at and back up. They are the same every time."""

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from instances import engines
from instances.engines.base import Server

Document = dict[str, Any]

_BATCH = 500
# The documents of load_more() that make a data set large enough to watch its backup: about 64 MB.
WATCHABLE = 64_000
_START = datetime(2025, 1, 6, tzinfo=UTC)

_MATERIALS = ("oak", "steel", "cotton", "ceramic", "glass", "linen", "bamboo", "leather", "cork", "wool")
_GOODS = ("lamp", "shelf", "kettle", "blanket", "chair", "notebook", "mug", "clock", "basket", "tray")
_COLOURS = ("white", "black", "sage", "navy", "sand", "rust")
_CATALOGUE = {
    f"{good[:2].upper()}{number:05d}": (material, good, colour)
    for number, (material, good, colour) in enumerate(product(_MATERIALS, _GOODS, _COLOURS))
}
_HUBS = ("north", "harbour", "airport", "east", "central")
_QUANTITIES = {"temperature": ("°C", 19.0, 6.0), "humidity": ("%", 48.0, 12.0), "pressure": ("hPa", 1013.0, 9.0)}
_TOPICS = ("backups", "indexes", "connections", "storage", "monitoring", "restoring", "scaling", "auditing")


def load(server: Server, kind: str) -> int:
    """Fill the new instance with the documents for its type and return their number.

    `kind` is "Sharding" (a shop), "ReplicaSet" (sensors) or "Single" (a knowledge base). Raises EngineError.
    """
    database, collections, indexes = _KINDS[kind]
    loaded = 0
    with engines.embedded().connect(server) as client:
        for collection, documents in collections.items():
            # Create the index first: building it on existing documents would take seconds.
            client[database][collection].create_index(indexes[collection])
            loaded += _insert(client[database][collection], documents())
    return loaded


def load_more(server: Server, kind: str, documents: int, report: Callable[[int], None] = lambda _loaded: None) -> None:
    """Add documents of about a kilobyte each that compress poorly, and report the number loaded. Raises EngineError."""
    with engines.embedded().connect(server) as client:
        _insert(client[_KINDS[kind][0]]["notes"], _notes(documents), report)


def _insert(
    collection: Collection[Document],
    documents: Iterable[Document],
    report: Callable[[int], None] = lambda _loaded: None,
) -> int:
    loaded, remaining = 0, _identified(documents)
    while batch := list(islice(remaining, _BATCH)):
        collection.insert_many(batch)
        loaded += len(batch)
        report(loaded)
    return loaded


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same documents every time, nothing secret


def _identified(documents: Iterable[Document]) -> Iterator[Document]:
    """Add an _id to each document, derived from the document's time if it has one."""
    for number, document in enumerate(documents, start=1):
        seconds = int(document.get("time", _START).timestamp())
        yield {"_id": ObjectId(seconds.to_bytes(4, "big") + number.to_bytes(8, "big")), **document}


def _products() -> Iterator[Document]:
    chance = _chance(8635)
    for sku, (material, good, colour) in _CATALOGUE.items():
        yield {
            "sku": sku,
            "title": f"{material.capitalize()} {good}, {colour}",
            "price": {"amount": chance.randrange(490, 24900) / 100, "currency": "EUR"},
            "attributes": {"material": material, "colour": colour, "grams": chance.randrange(80, 9000)},
            "stock": [{"hub": hub, "pieces": chance.randrange(120)} for hub in chance.sample(_HUBS, 3)],
            "tags": [material, good, colour],
        }


def _orders() -> Iterator[Document]:
    chance = _chance(8636)
    for number in range(2400):
        lines = [
            {"sku": chance.choice(list(_CATALOGUE)), "pieces": pieces}
            for pieces in chance.choices((1, 2, 3), k=chance.randrange(1, 5))
        ]
        yield {
            "number": f"O-{100000 + number}",
            "time": _START + timedelta(minutes=17 * number, seconds=chance.randrange(60)),
            "status": chance.choices(("delivered", "shipped", "packed", "open"), (80, 10, 6, 4))[0],
            "hub": chance.choice(_HUBS),
            "lines": lines,
            "total": {"amount": chance.randrange(900, 60000) / 100, "currency": "EUR"},
        }


def _deliveries() -> Iterator[Document]:
    chance = _chance(8637)
    for number in range(0, 2400, 2):
        yield {
            "order": f"O-{100000 + number}",
            "time": _START + timedelta(minutes=17 * number, hours=chance.randrange(3, 70)),
            "parcel": {"grams": chance.randrange(200, 18000), "pieces": chance.randrange(1, 4)},
            "steps": [{"hub": hub, "hours": chance.randrange(1, 20)} for hub in chance.sample(_HUBS, 2)],
        }


def _devices() -> Iterator[Document]:
    chance = _chance(8638)
    for number in range(120):
        yield {
            "device": f"S-{number:03d}",
            "model": chance.choice(("THP-2", "THP-3", "THP-3x")),
            "firmware": f"1.{chance.randrange(4, 9)}.{chance.randrange(20)}",
            "place": {"hub": chance.choice(_HUBS), "floor": chance.randrange(-1, 6), "rack": chance.randrange(40)},
            "battery_percent": chance.randrange(12, 101),
        }


def _readings() -> Iterator[Document]:
    chance = _chance(8639)
    for number in range(3600):
        quantity, (unit, middle, spread) = chance.choice(list(_QUANTITIES.items()))
        yield {
            "device": f"S-{chance.randrange(120):03d}",
            "time": _START + timedelta(seconds=95 * number),
            "quantity": quantity,
            "value": round(chance.gauss(middle, spread / 3), 2),
            "unit": unit,
            "quality": chance.choices(("good", "estimated"), (97, 3))[0],
        }


def _articles() -> Iterator[Document]:
    chance = _chance(8640)
    for number in range(900):
        topic, other = chance.sample(_TOPICS, 2)
        yield {
            "slug": f"{topic}-{number:04d}",
            "title": f"{topic.capitalize()} and {other}, part {number % 9 + 1}",
            "topic": topic,
            "published": _START + timedelta(hours=7 * number),
            "sections": [
                {"heading": heading, "body": " ".join(chance.choices((*_TOPICS, "before", "after", "with"), k=40))}
                for heading in ("Summary", "Steps", "Limits")[: chance.randrange(1, 4)]
            ],
            "version": chance.randrange(1, 12),
        }


def _visits() -> Iterator[Document]:
    chance = _chance(8641)
    for number in range(2100):
        yield {
            "topic": chance.choice(_TOPICS),
            "time": _START + timedelta(minutes=11 * number),
            "seconds": chance.randrange(4, 900),
            "found_by": chance.choices(("search", "link", "menu"), (60, 30, 10))[0],
            "helpful": chance.choice((True, False, None)),
        }


def _notes(documents: int) -> Iterator[Document]:
    chance = _chance(8642)
    for number in range(documents):
        yield {"number": number, "text": " ".join(f"{chance.getrandbits(40):x}" for _ in range(90))}


_KINDS = {
    "Sharding": (
        "shop",
        {"products": _products, "orders": _orders, "deliveries": _deliveries},
        {"products": "sku", "orders": "time", "deliveries": "order"},
    ),
    "ReplicaSet": (
        "sensors",
        {"devices": _devices, "readings": _readings},
        {"devices": "device", "readings": "time"},
    ),
    "Single": (
        "knowledge",
        {"articles": _articles, "visits": _visits},
        {"articles": "slug", "visits": "time"},
    ),
}
