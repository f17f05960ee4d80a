"""The archive of a backup: the one place that knows its format. It may import the storage and instances.engines.

`<backup id>.tar.zst` is a tar file compressed with zstd: `zstd -dc X | tar -x` and `sha256sum -c SHA256SUMS` open it.

    manifest.json    what the archive is: Manifest, as JSON
    data/<file>      the files of the database server, as many as the manifest names, in its order
    contents.json    databases, collections, documents and indexes at the moment of the cut
    SHA256SUMS       the digests of all members before it

It is written in one pass, with constant memory, into any Django storage. It is read as something that a stranger may
have made: nothing but the members that the manifest names and the engine knows is accepted, and nothing is written
outside the destination.
"""

from backups.archive.manifest import ArchiveError, Entry, Manifest
from backups.archive.reader import Unpacked, read_manifest, unpack
from backups.archive.writer import Written, write

__all__ = ["ArchiveError", "Entry", "Manifest", "Unpacked", "Written", "read_manifest", "unpack", "write"]
