"""Checks of files that an archive may have brought: the server opens nothing that it would not have written itself."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from secantus import storage

from .changes import CHANGES
from .process_life import CannotStart

# All tables that SecantusDB and the launcher create.
TABLES = frozenset(
    table.removeprefix("table:")
    for table in (
        *(*storage._DOC_ALL_TABLES, *storage._OPLOG_ALL_TABLES, storage._COLL_TABLE, storage._NAT_TABLE),
        *(storage._NAT_SEQ_TABLE, storage._IDX_TABLE, storage._IDX_ENTRIES_TABLE, storage._UNIQ_TABLE),
        *(storage._TOMB_TABLE, storage._PREIMAGE_TABLE, storage._OPLOG_META_TABLE, storage._USERS_TABLE),
        *(storage._ROLES_TABLE, storage._PROFILE_TABLE, CHANGES),
    )
)
_FILES = frozenset({"WiredTiger.wt", "WiredTigerHS.wt", *(f"{table}.wt" for table in TABLES)})
_SYSTEM = re.compile(r"system:\w+|metadata:")
_SOURCE = re.compile(r"\bsource=([^,)]*)")


def require_own_files(data: Path) -> None:
    """Raise CannotStart if a copy that was never opened has foreign tables, or metadata that leads elsewhere."""
    for file in data.glob("*.wt"):
        if file.name not in _FILES:
            raise _foreign("table", file.name)
    if (data / "WiredTiger.backup").exists():
        lines = (data / "WiredTiger.backup").read_text(errors="replace").split("\n")
        require_own_metadata(zip(lines[::2], lines[1::2], strict=False))


def require_own_metadata(metadata: Iterable[tuple[str, str]]) -> None:
    """Raise CannotStart if WiredTiger's metadata names other tables than the server's, or files outside its directory.

    WiredTiger opens whatever file its metadata names, also ../../another/instance.wt.
    """
    for key, value in metadata:
        kind, _, name = key.partition(":")
        own = (kind in {"table", "colgroup"} and name in TABLES) or (kind == "file" and name in _FILES)
        sources = {source.strip('"') for source in _SOURCE.findall(value)} - {""}
        if not (own or _SYSTEM.fullmatch(key)) or not sources <= {f"file:{name}.wt"}:
            raise _foreign("metadata", key)


def require_own_users(users: Any) -> None:
    """Raise CannotStart if a record of a user, as a cursor yields them, does not belong to the user it is stored for.

    The agent's user is hidden by its record, so another user's record could hide that user.
    """
    for db, name, content in users:
        record = storage.bson.decode(bytes(content))
        if (db, name) != (record.get("db"), record.get("user")):
            raise _foreign("user", f"{db}.{name}")


def _foreign(kind: str, name: str) -> CannotStart:
    return CannotStart(f"The database files contain a {kind} that no server wrote: {name!a}.")
