"""Import an archive that was made elsewhere."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage
from django.db import IntegrityError, transaction
from django.utils import timezone

from backups import archive, dumps
from backups.choices import BackupStatus, BackupType
from backups.comparing import differences
from backups.models import Backup, new_backup_id
from backups.storage.base import NotEnoughSpace, archive_storage
from console.audit import audited as audit
from console.processes import locks
from console.text.messages import Message
from console.text.refused import Refused
from instances import engines
from instances.engines.base import Contents, EngineError
from instances.models import Host

# The other machine's clock may be ahead of this one's.
_CLOCKS_DIFFER = timedelta(days=1)
_CHUNK = 1024 * 1024

Report = Callable[[int, int], None]


def _quiet(_done: int, _total: int) -> None:
    pass


def import_archive(*, path: Path, new_id: bool = False, requested_by: User | None, progress: Report = _quiet) -> Backup:
    """Copy the archive into backup storage, check the copy, and list it as a Complete manual backup.

    The check reads every byte, and a scratch server validates every collection. The backup keeps its id, or gets a new
    one with `new_id`. If the storage already has a file of that name that no backup owns, the import uses that file,
    provided that it is the same archive. `progress` receives the bytes done and the total. Call this from the main
    thread only. Raises Refused with the reason, and then adds nothing.
    """
    room = Path(settings.CONSOLE_HOME) / "import"
    lock = locks.acquire(room.with_suffix(".lock"))
    if lock is None:
        raise Refused(Message("import.running"))
    with lock:
        # Remove the files that a killed import left behind.
        shutil.rmtree(room, ignore_errors=True)
        try:
            return _import(path, room, new_id=new_id, requested_by=requested_by, progress=progress)
        except archive.ArchiveError as error:
            raise Refused(str(error)) from error
        except NotEnoughSpace as error:
            raise Refused(Message("import.no_room", why=error)) from error
        except OSError as error:
            raise Refused(Message("import.failed", why=error)) from error
        finally:
            shutil.rmtree(room, ignore_errors=True)


def _import(path: Path, room: Path, *, new_id: bool, requested_by: User | None, progress: Report) -> Backup:
    path = path.resolve()
    if not path.is_file():
        raise Refused(Message("import.no_file", path=path))
    backup = _backup_of(archive.read_manifest(FileSystemStorage(path.parent), path.name), new_id=new_id)
    storage, name, size = archive_storage(), backup.archive_name, path.stat().st_size
    there = storage.exists(name)
    if not there:
        storage.discard_partial(name)
        storage.require_space(size)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not there:
            storage.save(name, File(file, name))
    try:
        room.mkdir(mode=0o700)
        checked = _loaded if backup.is_logical else _unpacked
        contents, backup.data_size = checked(storage, name, room, digest, progress)
        backup.size, backup.sha256, backup.contents = storage.size(name), digest, contents.to_document()
        # Record the audit event only here: @audited would hold a transaction open while the archive is read.
        with transaction.atomic():
            backup.save(force_insert=True)
            audit.record("ddsImportBackup", user=requested_by, resource=audit.resource_of(backup))
    except BaseException as error:
        # After an IntegrityError the archive belongs to the backup that has the id.
        if not there and not isinstance(error, IntegrityError):
            _remove(storage, name, error)
        if isinstance(error, IntegrityError):
            raise Refused(Message("import.id_taken", id=backup.id)) from error
        if there and isinstance(error, archive.ArchiveError):
            raise Refused(Message("import.archive_exists", name=name, why=error)) from error
        raise
    return backup


def _unpacked(storage: Storage, name: str, home: Path, digest: str, progress: Report) -> tuple[Contents, int]:
    """Unpack the files into `home`, and have a scratch server read all of them. Raises ArchiveError.

    Return what the archive lists, and the size of the files in bytes.
    """
    engine = engines.embedded()
    unpacked = archive.unpack(storage, name, engine.files.data_dir(home), sha256=digest, progress=progress)
    with _failures_explained(), engine.scratch(home) as server:
        found = engine.inspect(server, _quiet)
    if differing := differences(unpacked.contents, found):
        raise archive.ArchiveError(differing)
    return unpacked.contents, unpacked.manifest.size


def _loaded(storage: Storage, name: str, home: Path, digest: str, progress: Report) -> tuple[Contents, int]:
    """Load the dump into a scratch server with files in `home`, and have it read everything. Raises ArchiveError.

    Return what the archive lists, and the size of the dump in bytes.
    """
    engine = engines.embedded()
    engine.files.prepare(home)
    with _failures_explained(), engine.scratch(home) as server:
        loaded = dumps.load(storage, name, server, sha256=digest, progress=progress)
        dumps.require_equal(loaded, engine.inspect(server, _quiet))
    return loaded.contents, loaded.stream.size


@contextmanager
def _failures_explained() -> Iterator[None]:
    """Turn an EngineError into an ArchiveError."""
    try:
        yield
    except EngineError as error:
        raise archive.ArchiveError(Message("verification.failed", why=error)) from error


def _backup_of(manifest: archive.Manifest, *, new_id: bool) -> Backup:
    """Return an unsaved Backup. Raises Refused if the archive is from the future, or if this console already has it."""
    cut_at = manifest.cut_at.astimezone(UTC)
    if cut_at > timezone.now() + _CLOCKS_DIFFER:
        raise Refused(Message("import.future", moment=cut_at.isoformat(" ", "seconds")))
    if not new_id and Backup.objects.filter(pk=manifest.backup_id).exists():
        raise Refused(Message("import.known", name=manifest.backup_name, id=manifest.backup_id))
    return Backup(
        id=new_backup_id() if new_id else manifest.backup_id,
        name=manifest.backup_name,
        type=BackupType.MANUAL,
        status=BackupStatus.COMPLETED,
        started=cut_at,
        ended=cut_at,
        imported=timezone.now(),
        cut_at=cut_at,
        instance_uid=manifest.instance_id,
        instance_name=manifest.instance_name,
        instance_type=manifest.instance_type,
        engine=manifest.engine,
        engine_version=manifest.engine_version,
        compatible_version=manifest.compatible_version,
        storage_engine=manifest.storage_engine,
        method=manifest.method,
        consistency=manifest.consistency,
        host=Host.objects.get_or_create(name=settings.CONSOLE_HOST)[0],
        request_key=None,
    )


def _remove(storage: Storage, name: str, error: BaseException) -> None:
    """Delete the file. If that fails, add a note to `error`, which the caller is about to raise."""
    try:
        storage.delete(name)
    except OSError as second:
        error.add_note(f"What was stored of {name} could not be deleted: {second}")
