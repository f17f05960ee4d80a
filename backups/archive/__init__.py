"""The archive of a backup. Only this package knows its format. It may import the storage, instances.engines and
instances.choices.

`<backup id>.tar.zst` is a tar file compressed with zstd: `zstd -dc X | tar -x` unpacks it, and
`sha256sum -c SHA256SUMS` checks the result.

    manifest.json    the Manifest, as JSON
    data/<file>      the files of the database server that the manifest names, in its order (method Physical)
    dump/<number>    parts of an archive in the format of mongodump, which the manifest does not name (method Logical)
    contents.json    databases, collections, documents and indexes at the moment of the cut
    SHA256SUMS       the digests of all members before it

The writer needs one pass and constant memory, and writes into any Django storage. The reader trusts no archive: it
accepts only members that the manifest names and the engine knows, and writes nothing outside the destination.
"""

from backups.archive.manifest import ArchiveError, ArchiveNotRead, Entry, Manifest
from backups.archive.reader import Stream, Unpacked, read_manifest, stream, unpack
from backups.archive.writer import Written, write

__all__ = [
    "ArchiveError",
    "ArchiveNotRead",
    "Entry",
    "Manifest",
    "Stream",
    "Unpacked",
    "Written",
    "read_manifest",
    "stream",
    "unpack",
    "write",
]
