"""Checks that must pass after every fault, once the console is at rest."""

import hashlib
import tempfile
import time
from pathlib import Path

from tests.e2e import archives
from tests.faults.findings import Finding, Kind, require
from tests.faults.ledger import DATABASES, Document, stored
from tests.faults.site import REST_SECONDS, Site, Subject

# Everything in a console's home at rest.
_HOME = {
    "agent-local.lock",
    "backups",
    "credentials.key",
    "instances",
    "locale",
    "secret.key",
    "staging",
    "static",
    "storage-id",
    "bucket-id",
    "tmp",
    "up.lock",
}
_DATABASE = {"console.sqlite3", "console.sqlite3-wal", "console.sqlite3-shm"}
_INSTANCE = {"agent.json", "data", "server.lock", "server.log", "server.log.1"}
# Part of a database server's command line.
SERVER = "-m launcher"
_KEPT_BACKUPS, _KEPT_COPIES, _KEPT_DOCUMENTS = 2, 1, 400


def unrest(site: Site) -> list[str]:
    """Return what is still in progress, as lines for people."""
    return [
        *(f"job {row['kind']} {row['status']}" for row in site.jobs.find(status=("Queued", "Running"))),
        *(f"files of job {row['kind']} left behind" for row in site.jobs.find(left_behind=True)),
        *(
            f"instance {row['name']} {row['state']} {row['action']} {row['failure']}"
            for row in site.instances.find()
            if row["action"] or row["state"] not in {"normal", "createfail"}
        ),
        *(
            f"backup {row['name']} {row['status']} uses={row['uses']}"
            for row in site.backups.find()
            if row["status"] in {"BUILDING", "DISABLED"} or row["uses"] or row["verifying"]
        ),
        *(f"restoration {row['target_name']}" for row in site.restorations.find(status="RUNNING")),
        *strange_files(site),
        *strange_processes(site),
    ]


def working(site: Site) -> bool:
    """Return whether a job is queued or running."""
    return bool(site.jobs.find(status=("Queued", "Running")))


def rest(site: Site) -> float:
    """Wait until nothing is in progress or left over; return the seconds. Raises Finding."""
    began = time.monotonic()
    while left := unrest(site):
        if time.monotonic() - began > REST_SECONDS:
            raise Finding(_worst(left), "; ".join(left))
        time.sleep(0.05)
    return time.monotonic() - began


def _worst(left: list[str]) -> Kind:
    return Kind.ORPHAN if all(line.startswith(("file ", "process ")) for line in left) else Kind.STUCK


def everything(site: Site) -> None:
    """Check all promises; raise Finding for the first one broken. The console must be at rest."""
    require_documents(site)
    require_archives(site)
    require_agreement(site)


def require_agreement(site: Site) -> None:
    """Check that each backup or restoration ended as its job did: a dead agent's late report must not change either."""
    jobs = {job["id"]: job for job in site.jobs.find(kind=("backup", "restore-new", "restore-original"))}
    backups = site.backups.find()
    for row in [*backups, *site.restorations.find()]:
        if job := jobs.get(row["job_id"]):
            # If a restore failed later, its safety backup is still Complete.
            safety = row in backups and job["kind"] == "restore-original" and row["status"] == "COMPLETED"
            agrees = safety or row["status"] == job["status"].upper()
            require(agrees, Kind.BROKEN, f"the job {job['kind']} is {job['status']}, its outcome {row['status']}")


# --- Documents ------------------------------------------------------------------------------------------------------


def require_documents(site: Site) -> None:
    for subject in site.subjects:
        row = site.instances.last(id=subject.id)
        require(row, Kind.LOST, f"the instance {subject.name}")
        port = None if subject.is_existing else subject.port
        require(row["port"] == port, Kind.BROKEN, f"the instance {subject.name} has another port")
        subject.ledger.held().verify(subject.ledger.stored(), subject.name)
    for copy in site.copies.values():
        row = site.instances.last(id=copy.id)
        require(row, Kind.LOST, f"the instance {copy.name}")
        copy.held.verify(stored(row["port"]), copy.name)


# --- Archives -------------------------------------------------------------------------------------------------------


def require_archives(site: Site) -> None:
    """Check that every archive matches its row, opens without the console, and contains its documents."""
    held = {copy.id: copy.held for subject in site.subjects for copy in subject.backups}
    complete = {row["id"]: row for row in site.backups.find(status="COMPLETED")}
    require(held.keys() <= complete.keys(), Kind.LOST, f"backups: {sorted(held.keys() - complete.keys())}")
    for id, row in complete.items():
        path = site.archive(row)
        require(path.exists(), Kind.LOST, f"the archive of {row['name']}")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        require(digest == row["sha256"], Kind.BROKEN, f"the archive of {row['name']} has another SHA-256")
        require(path.stat().st_size == row["size"], Kind.BROKEN, f"the archive of {row['name']} has another size")
        # Opening an archive takes a second, so open the same bytes only once.
        if digest not in site.opened:
            site.opened[digest] = documents_in(path, row["name"])
        if id in held:
            held[id].verify(site.opened[digest], f"the archive of {row['name']}")


def documents_in(archive: Path, name: str) -> frozenset[Document]:
    """Return the documents that a database server finds in the archive. Raises Finding if no server starts on it."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        try:
            manifest = archives.unpack(archive, Path(folder))
            ids = archives.dumped_ids if manifest["method"] == "Logical" else archives.ids
            found = ids(Path(folder), *(f"{database}.numbers" for database in DATABASES))
        except Exception as error:
            raise Finding(Kind.BROKEN, f"the archive of {name} does not open: {error!r}") from error
    return frozenset((database, id) for database, ids in zip(DATABASES, found, strict=True) for id in ids)


# --- Leftovers ------------------------------------------------------------------------------------------------------


def strange_files(site: Site) -> list[str]:
    """Return files and folders of the home that belong to no row."""
    complete = {f"{row['id']}.tar.zst" for row in site.backups.find(status="COMPLETED")}
    instances = {row["id"] for row in site.instances.find()}
    return [
        *_strange(site.home, _HOME | _DATABASE),
        *_strange(site.home / "staging", set()),
        *_strange(site.home / "backups", complete | {".storage-id"}),
        *_strange(site.home / "instances", instances),
        *(line for id in instances for line in _strange(site.home / "instances" / id, _INSTANCE)),
    ]


def _strange(folder: Path, known: set[str]) -> list[str]:
    try:
        return [f"file {path}" for path in folder.iterdir() if path.name not in known]
    except FileNotFoundError:
        return []


def strange_processes(site: Site) -> list[str]:
    """Return processes of this home that its `up` did not start, and a line if the number of servers is wrong."""
    pids = site.pids()
    found = [f"process {pid}: {line}" for pid, line in pids.items() if not _descends(pid, site.process.pid)]
    wanted = sum(row["state"] != "createfail" for row in site.instances.find(engine_kind="embedded"))
    servers = [line for line in pids.values() if SERVER in line]
    if len(servers) != wanted:
        found.append(f"process: {len(servers)} database servers for {wanted} instances")
    return found


def _descends(pid: int, ancestor: int) -> bool:
    while pid not in (0, 1, ancestor):
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            # The process has ended meanwhile.
            return True
    return pid == ancestor


# --- The next backup, the next restore ------------------------------------------------------------------------------


def require_next(site: Site, subject: Subject, tag: str) -> None:
    """Check that the next backup and restore succeed with all documents; then delete old copies and backups."""
    backup = site.make_backup(subject, f"{tag}-next")
    site.make_copy(backup, f"{tag}-next")
    rest(site)
    everything(site)
    tidy(site)


def tidy(site: Site) -> None:
    """Delete old copies, backups and documents, so that the console stays small."""
    for copy in list(site.copies.values())[:-_KEPT_COPIES]:
        site.remove_instance(copy.id)
    for subject in site.subjects:
        while len(subject.backups) > _KEPT_BACKUPS:
            site.remove_backup(subject.backups.pop(0).id)
        subject.ledger.trim(_KEPT_DOCUMENTS)
    kept = {copy.id for subject in site.subjects for copy in subject.backups}
    for row in site.backups.find():
        if row["id"] not in kept:
            site.remove_backup(row["id"])
