"""Physical backups: the agent copies the server's files while an open backup cursor protects them from change."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pymongo.errors import OperationFailure

from console.text.errors import explain_file
from console.text.messages import Message
from instances.engines.base import (
    INTERNAL_COLLECTIONS,
    INTERNAL_DATABASES,
    Client,
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
from instances.engines.embedded.client import connected, refusal

# An operation such as an index build delays a backup for at most _OPEN_SECONDS. Each attempt is short, because no
# other writer can begin while the server waits.
_OPEN_SECONDS = 120.0
_OPEN_AT_A_TIME_SECONDS = 2.0
# How often the agent asks whether the documents are counted, so that a backup can be cancelled in between. The server
# counts a million documents in half a second.
_WAIT_SECONDS = 0.5
# How often the agent checks, while it reads files, that the cut is still open.
_STILL_OPEN_SECONDS = 2.0
_CHUNK = 1024 * 1024
_FOLDER = "data/"
_NAME = re.compile(
    r"data/(WiredTiger(\.backup|\.basecfg|HS\.wt)?|WiredTigerLog\.\d{10}|secantus_\w{1,64}\.wt)", re.ASCII
)


def owns(member: str) -> bool:
    """Return whether a physical backup can have a member with this name."""
    return bool(_NAME.fullmatch(member))


@contextmanager
def backup(server: Server, waiting: Callable[[], None] = nothing) -> Iterator[Cut]:
    """Open a cut of all databases. Leaving the context raises an error unless the cut was open all the time.

    Call `waiting` while the server is too busy to take the cut. Raises EngineError.
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
    """Checks from time to time that the cut is still open: copies of files read after its end may be damaged."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._asked >= _STILL_OPEN_SECONDS:
            self._client.admin.command("console.backupContents", seconds=0.0)
            self._asked = time.monotonic()


def _member(data: Path, name: str, size: int, still_open: Callable[[], None]) -> Member:
    if not owns(f"{_FOLDER}{name}"):
        raise EngineError(Message("server.file_unknown", name=name))

    def read() -> Iterator[memoryview]:
        for block in blocks(data / name, size):
            still_open()
            yield block

    return Member(f"{_FOLDER}{name}", size, read)


def blocks(path: Path, size: int) -> Iterator[memoryview]:
    """Yield the first `size` bytes of the file. The server wrote the rest after the cut."""
    buffer = memoryview(bytearray(min(_CHUNK, size) or 1))
    left = size
    try:
        with path.open("rb", buffering=0) as file:
            while left and (count := file.readinto(buffer[: min(left, _CHUNK)])):
                left -= count
                yield buffer[:count]
    except OSError as error:
        raise EngineError(Message("server.file_unreadable", name=path.name, why=explain_file(error))) from error
    if left:
        raise EngineError(Message("server.file_ended", name=path.name))


def _contents(client: Client, waiting: Callable[[], None] = nothing) -> Contents:
    while not (answer := client.admin.command("console.backupContents", seconds=_WAIT_SECONDS))["counted"]:
        waiting()
    return _by_database(answer["collections"])


def _by_database(rows: list[dict[str, Any]]) -> Contents:
    """Group the rows, one for each collection, by database."""
    found: dict[str, list[Collection]] = {}
    for row in sorted(rows, key=lambda row: (row["db"], row["name"])):
        if row["db"] in INTERNAL_DATABASES or row["name"] in INTERNAL_COLLECTIONS:
            continue
        # The server lists every index except the one on _id.
        indexes = () if row["type"] == "view" else tuple(sorted(["_id_", *row["indexes"]]))
        found.setdefault(row["db"], []).append(Collection(row["name"], row["documents"], indexes))
    return Contents(tuple(Database(name, tuple(collections)) for name, collections in found.items()))
