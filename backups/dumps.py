"""Load the dump of a logical backup into a server of this host, and check that a client sees what the archive lists.

Servers of this host do not have every kind of index that a deployment can have: see Loaded.lacks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.core.files.storage import Storage

from backups import archive
from backups.comparing import differences
from instances import engines
from instances.engines.base import Collection, Contents, Database, Server
from instances.engines.deployment.building import Lacks

# The longest that the server may take to build one index.
SECONDS = 24 * 3600.0

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Loaded:
    """The archive that was loaded, and the indexes and options of it that the server does not have."""

    stream: archive.Stream
    lacks: Lacks

    @property
    def contents(self) -> Contents:
        """The contents that the archive lists."""
        assert self.stream.contents is not None
        return self.stream.contents

    @property
    def lacking(self) -> str:
        """Names what the server does not have; "" if it has everything."""
        return ", ".join(map(str, self.lacks))


def load(storage: Storage, name: str, server: Server, *, sha256: str | None, progress: Report) -> Loaded:
    """Load the archive's dump into the empty server.

    `progress` receives the archive bytes read and the total; it may raise an exception to give up. Raises ArchiveError
    if the archive is wrong, which may show only at its end, EngineError if the server fails.
    """
    done, total = 0, 0

    def read(now_done: int, now_total: int) -> None:
        nonlocal done, total
        done, total = now_done, now_total
        progress(done, total)

    def loaded(_documents: int) -> None:
        progress(done, total)

    engine, lacks = engines.embedded(), Lacks()
    with archive.stream(storage, name, sha256=sha256, progress=read) as stream:
        with engine.connect(server, seconds=SECONDS) as client:
            found = engines.deployment().load(client, stream.blocks, loaded, lacks)
        for _rest in stream.blocks:
            pass
        made = Loaded(stream, lacks)
        require_equal(made, found)
    return made


def require_equal(loaded: Loaded, found: Contents) -> None:
    """Raise ArchiveError unless a server has what the dump should have brought into it."""
    if differing := differing_from(loaded, found):
        raise archive.ArchiveError(differing)


def differing_from(loaded: Loaded, found: Contents) -> str:
    """Return a sentence that says how a server differs from what the dump should have brought; "" if it does not."""
    part = engines.deployment().restored_part
    return differences(_without(part(loaded.contents), loaded.lacks), part(found))


def _without(contents: Contents, lacks: Lacks) -> Contents:
    """Return the contents without the indexes that a server rejected."""
    rejected = {(*lack.namespace, lack.index) for lack in lacks if not lack.option}

    def left(database: Database) -> Database:
        return replace(database, collections=tuple(kept(database, each) for each in database.collections))

    def kept(database: Database, collection: Collection) -> Collection:
        names = (name for name in collection.indexes if (database.name, collection.name, name) not in rejected)
        return replace(collection, indexes=tuple(names))

    return Contents(tuple(map(left, contents.databases)))
