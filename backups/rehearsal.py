"""Rehearse the backup and the restoration of a deployment, and compare every document, without registering anything."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from backups import archive, dumps
from backups.jobs.archiving import manifest_of
from backups.models import Backup
from backups.services.create import new_backup
from instances import engines
from instances.choices import EngineKind
from instances.engines.base import Access, Contents
from instances.engines.deployment.building import Lacks
from instances.engines.deployment.digests import Digest
from instances.engines.deployment.mongodump import Namespace
from instances.engines.deployment.testing_connection import Tested
from instances.models import Host, Instance
from instances.reported import columns_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rehearsed:
    """The result: how many documents and collections are the same, and what differs or could not be compared."""

    documents: int
    collections: int
    different: list[str]
    changed: list[str]
    lacking: list[str]


def rehearse(access: Access, tested: Tested, room: Path, say: Say) -> Rehearsed:
    """Back the deployment up into `room`, load the archive into an embedded server there, and compare.

    `say` gets a sentence about each step. Main thread only. Raises EngineError or ArchiveError.
    """
    engine, embedded = engines.deployment(), engines.embedded()
    say("Reading every document of the deployment...")
    before = engine.digests(access)
    say("Backing the deployment up...")
    storage = FileSystemStorage(room / "archive")
    backup = _backup(tested)
    written = _write(storage, backup, access)
    say(f"The archive has {written.contents.documents} documents and {written.size} bytes.")
    say("Reading every document of the deployment again...")
    after = engine.digests(access)
    with archive.stream(storage, backup.archive_name, progress=_quiet) as stream:
        archived = engine.digests_in(stream.blocks)
    say("Restoring the archive into a temporary server...")
    home = room / "server"
    embedded.files.prepare(home)
    with embedded.scratch(home) as server:
        loaded = dumps.load(storage, backup.archive_name, server, sha256=written.sha256, progress=_quiet)
        dumps.require_equal(loaded, embedded.inspect(server, _quiet))
        with embedded.connect(server, seconds=dumps.SECONDS) as client:
            restored = engine.digests_at(client)
    return compare(written.contents, before, after, archived, restored, loaded.lacks)


def compare(
    contents: Contents,
    before: dict[Namespace, Digest],
    after: dict[Namespace, Digest],
    archived: dict[Namespace, Digest | None],
    restored: dict[Namespace, Digest],
    lacks: Lacks,
) -> Rehearsed:
    """Compare the deployment before and after its backup with the archive, and all of them with the restored copy.

    A collection that changed meanwhile can only be compared with the archive, and `lacks` with nothing.
    """
    different, changed, documents = [], [], 0
    for namespace in sorted(before.keys() | after.keys() | restored.keys()):
        old, now, copy, dumped = (each.get(namespace) for each in (before, after, restored, archived))
        if old != now:
            changed.append(str(namespace))
        if dumped and (copy is None or (copy.documents, copy.sum) != (dumped.documents, dumped.sum)):
            different.append(f"{namespace}: the restored copy differs from the archive")
        elif old == now and copy != _without(now, namespace, lacks):
            different.append(f"{namespace}: {_difference(now, copy)}")
        documents += copy.documents if copy else 0
    return Rehearsed(documents, len(restored), different, changed, list(map(str, lacks)))


def _without(digest: Digest | None, namespace: Namespace, lacks: Lacks) -> Digest | None:
    """Return the digest without the indexes that the temporary server rejected."""
    rejected = {lack.index for lack in lacks if lack.namespace == namespace and not lack.option}
    if digest is None or not rejected:
        return digest
    return replace(digest, indexes=tuple(each for each in digest.indexes if each.partition(": ")[0] not in rejected))


def _difference(now: Digest | None, copy: Digest | None) -> str:
    if now is None or copy is None:
        return "missing in the restored copy" if now else "only in the restored copy"
    if now.documents != copy.documents:
        return f"{copy.documents} documents instead of {now.documents}"
    return "documents differ" if now.sum != copy.sum else f"indexes {copy.indexes} instead of {now.indexes}"


def _backup(tested: Tested) -> Backup:
    """Return an unsaved backup of an unsaved instance."""
    facts = columns_of(tested.facts, timezone.now())
    instance = Instance(name="check-deployment", engine_kind=EngineKind.DEPLOYMENT, host=Host("local"), **facts)
    return new_backup(instance, name="check-deployment")


def _write(storage: FileSystemStorage, backup: Backup, access: Access) -> archive.Written:
    with engines.deployment().backup(access) as cut:
        return archive.write(
            storage,
            backup.archive_name,
            manifest_of(backup, cut),
            cut.members,
            cut.contents,
            progress=_quiet,
            expected_bytes=cut.expected_bytes,
        )


def _quiet(_done: int, _total: int) -> None:
    pass
