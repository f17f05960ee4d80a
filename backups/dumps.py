"""Load the dump of a logical backup into a server of this host, and check that a client sees what the archive lists."""

from collections.abc import Callable

from django.core.files.storage import Storage

from backups import archive
from backups.comparing import differences
from instances import engines
from instances.engines.base import Contents, Server

# The longest that the server may take to build one index.
SECONDS = 24 * 3600.0

Report = Callable[[int, int], None]


def load(storage: Storage, name: str, server: Server, *, sha256: str | None, progress: Report) -> archive.Stream:
    """Load the archive's dump into the empty server, and return its manifest and its list of contents.

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

    engine = engines.embedded()
    with archive.stream(storage, name, sha256=sha256, progress=read) as stream:
        with engine.connect(server, seconds=SECONDS) as client:
            found = engines.deployment().load(client, stream.blocks, loaded)
        for _rest in stream.blocks:
            pass
        require_equal(stream, found)
    return stream


def require_equal(stream: archive.Stream, found: Contents) -> None:
    """Raise ArchiveError unless a server has what the dump should have brought into it."""
    if differing := differing_from(stream, found):
        raise archive.ArchiveError(differing)


def differing_from(stream: archive.Stream, found: Contents) -> str:
    """Return a sentence that says how a server differs from what the dump should have brought; "" if it does not."""
    assert stream.contents is not None
    part = engines.deployment().restored_part
    return differences(part(stream.contents), part(found))
