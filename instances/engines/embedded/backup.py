"""A physical backup: the server's files, read by the agent while the server keeps them as they are."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pymongo.errors import OperationFailure

from console.text.disk_errors import explain
from console.text.sentences import sentence as _
from instances.engines.base import (
    INTERNAL_COLLECTIONS,
    INTERNAL_DATABASES,
    Collection,
    Contents,
    Cut,
    Database,
    EngineError,
    Member,
    Server,
    nothing,
)
from instances.engines.embedded import process
from instances.engines.embedded.connect import Client, connected, refusal

# How long an operation that keeps writers out, such as building an index, may go on before there is no backup; and how
# long the server waits for it at a time, since it lets no other writer begin meanwhile.
_OPEN_SECONDS = 120.0
_OPEN_AT_A_TIME_SECONDS = 2.0
# How long the agent waits at a time for the documents to be counted, so that a backup can be cancelled meanwhile. The
# server needs half a second for each million.
_WAIT_SECONDS = 0.5
# How often it is made sure while files are read that the cut is still open.
_STILL_OPEN_SECONDS = 2.0
_CHUNK = 1024 * 1024
_FOLDER = "data/"
_NAME = re.compile(
    r"data/(WiredTiger(\.backup|\.basecfg|(HS)?\.wt)?|WiredTigerLog\.\d{10}|secantus_\w{1,64}\.wt)", re.ASCII
)


def owns(member: str) -> bool:
    """Return whether a backup can have a member of this name."""
    return bool(_NAME.fullmatch(member))


@contextmanager
def backup(server: Server, waiting: Callable[[], None] = nothing) -> Iterator[Cut]:
    """Open a cut of all databases. Leaving the context without an error makes sure that it was open all the time.

    `waiting` is called while the server is too busy to take the cut. Raises EngineError.
    """
    with connected(server, seconds=_OPEN_SECONDS + 30.0) as client:
        opened = _open(client, waiting)
        data, still_open = process.data_dir(server.home), _StillOpen(client)
        yield Cut(
            at=datetime.fromtimestamp(opened["moment"], UTC),
            pause_seconds=opened["pauseSeconds"],
            members=[_member(data, file["name"], file["size"], still_open) for file in opened["files"]],
            contents=partial(_contents, client),
        )
        client.admin.command("console.closeBackup")


def _open(client: Client, waiting: Callable[[], None]) -> dict[str, Any]:
    deadline = time.monotonic() + _OPEN_SECONDS
    while True:
        try:
            return client.admin.command("console.openBackup", seconds=_OPEN_AT_A_TIME_SECONDS)
        except OperationFailure as error:
            if refusal(error) != "ServerIsBusy" or time.monotonic() >= deadline:
                raise
        waiting()


class _StillOpen:
    """Makes sure now and then that the cut is open: what is read afterwards is worth nothing, however long it takes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._asked >= _STILL_OPEN_SECONDS:
            self._client.admin.command("console.backupContents", seconds=0.0)
            self._asked = time.monotonic()


def _member(data: Path, name: str, size: int, still_open: Callable[[], None]) -> Member:
    if not owns(f"{_FOLDER}{name}"):
        raise EngineError(_("The database server has a file that no backup knows: %s.") % name)

    def read() -> Iterator[memoryview]:
        for block in blocks(data / name, size):
            still_open()
            yield block

    return Member(f"{_FOLDER}{name}", size, read)


def blocks(path: Path, size: int) -> Iterator[memoryview]:
    """Yield the first `size` bytes of the file: what comes behind them was written after the cut."""
    buffer = memoryview(bytearray(min(_CHUNK, size) or 1))
    left = size
    try:
        with path.open("rb", buffering=0) as file:
            while left and (count := file.readinto(buffer[: min(left, _CHUNK)])):
                left -= count
                yield buffer[:count]
    except OSError as error:
        raise EngineError(
            _("The file %(name)s of the database server could not be read: %(why)s.")
            % {"name": path.name, "why": explain(error)}
        ) from error
    if left:
        raise EngineError(_("The file %s of the database server ended while it was copied.") % path.name)


def _contents(client: Client, waiting: Callable[[], None] = nothing) -> Contents:
    while not (said := client.admin.command("console.backupContents", seconds=_WAIT_SECONDS))["counted"]:
        waiting()
    return contents(said["collections"])


def contents(rows: list[dict[str, Any]]) -> Contents:
    """Return the contents by database, from one row for each collection."""
    found: dict[str, list[Collection]] = {}
    for row in sorted(rows, key=lambda row: (row["db"], row["name"])):
        if row["db"] in INTERNAL_DATABASES or row["name"] in INTERNAL_COLLECTIONS:
            continue
        # The index by _id is in no table of the server's.
        indexes = () if row["type"] == "view" else tuple(sorted(["_id_", *row["indexes"]]))
        found.setdefault(row["db"], []).append(Collection(row["name"], row["documents"], indexes))
    return Contents(tuple(Database(name, tuple(collections)) for name, collections in found.items()))
