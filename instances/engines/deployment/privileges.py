"""The privileges that a user lacks, by the names that MongoDB gives them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.errors import OperationFailure

from instances.engines.base import Client
from instances.engines.deployment.connect import database_of
from instances.engines.deployment.explain import is_unauthorized
from instances.engines.deployment.facts import ask, databases
from instances.engines.deployment.namespaces import USERS

BACKUP = ("listCollections", "find", "collStats", "listIndexes")
# What load.py and exchange.py do; convertToCapped is needed to create capped collections.
RESTORE = (
    "insert",
    "bypassDocumentValidation",
    "find",
    "remove",
    "createCollection",
    "convertToCapped",
    "createIndex",
    "dropCollection",
    "renameCollectionSameDB",
    "listCollections",
    "listIndexes",
)
# What MongoDB's roles lack of RESTORE, for servers that do not say which privileges their roles have.
_ROLES_LACK: dict[str, frozenset[str]] = {
    "root": frozenset(),
    "__system": frozenset(),
    "restore": frozenset({"find", "remove", "renameCollectionSameDB", "listIndexes"}),
    "readWriteAnyDatabase": frozenset({"bypassDocumentValidation"}),
    "dbAdminAnyDatabase": frozenset({"insert", "find", "remove"}),
}
# Without a list of privileges, commands are tried on this many databases.
_TRIED = 50
# The number of databases that a sentence names.
_NAMED = 5
_NOTHING = "console_nothing"


@dataclass(frozen=True)
class Missing:
    """The privileges that backups and restores lack, such as "find on shop"."""

    backup: Sequence[str]
    restore: Sequence[str]


def missing(client: Client, *, with_users: bool) -> Missing:
    """Return what the user lacks. A server without authentication lacks nothing. May raise the driver's errors."""
    info = ask(client, "connectionStatus", showPrivileges=True)["authInfo"]
    if not info["authenticatedUsers"]:
        return Missing((), ())
    granted = info.get("authenticatedUserPrivileges") or []
    if not granted:
        roles = {str(role["role"]) for role in info["authenticatedUserRoles"]}
        lacking = frozenset(RESTORE).intersection(*(_ROLES_LACK[role] for role in roles & _ROLES_LACK.keys()))
        return Missing(list(_refused(client)), [action for action in RESTORE if action in lacking])
    names = databases(client)
    backup = [*_lacking(granted, BACKUP, names)]
    if not _covered(granted, "listDatabases", {"cluster": True}):
        backup.insert(0, "listDatabases")
    if with_users:
        backup += [f"find on admin.{name}" for name in USERS if not _may_read_users(granted, name)]
    return Missing(backup, list(_lacking(granted, RESTORE, names)))


def _lacking(granted: Iterable[Mapping[str, Any]], actions: Iterable[str], names: Iterable[str]) -> Iterable[str]:
    """Yield each action that is not granted on all databases, with the databases it is not granted on."""
    granted, names = list(granted), list(names)
    for action in actions:
        if _covered(granted, action, {"db": "", "collection": ""}):
            continue
        lacking = [name for name in names if not _covered(granted, action, {"db": name, "collection": ""})]
        if lacking or not names:
            yield f"{action} on {_listed(lacking)}" if lacking else action


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])])


def _covered(granted: Iterable[Mapping[str, Any]], action: str, resource: Mapping[str, Any]) -> bool:
    return any(
        action in privilege["actions"]
        and (privilege["resource"] == resource or privilege["resource"].get("anyResource"))
        for privilege in granted
    )


def _may_read_users(granted: Iterable[Mapping[str, Any]], name: str) -> bool:
    granted = list(granted)
    return any(_covered(granted, "find", {"db": database, "collection": name}) for database in ("admin", ""))


def _refused(client: Client) -> Iterable[str]:
    """Try what a backup does on a collection that does not exist, and yield what the server refuses."""
    if not _allowed(client, "admin", "listDatabases", nameOnly=True):
        yield "listDatabases"
        return
    tried = databases(client)[:_TRIED]
    for action, command, value in (
        ("listCollections", "listCollections", 1),
        ("find", "find", _NOTHING),
        ("collStats", "collStats", _NOTHING),
        ("listIndexes", "listIndexes", _NOTHING),
    ):
        lacking = [name for name in tried if not _allowed(client, name, command, value)]
        if lacking:
            yield f"{action} on {_listed(lacking)}"


def _allowed(client: Client, database: str, command: str, value: Any = 1, **options: Any) -> bool:
    try:
        database_of(client, database).command(command, value, read_preference=client.read_preference, **options)
    except OperationFailure as error:
        return not is_unauthorized(error)
    return True
