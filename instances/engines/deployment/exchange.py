"""Restore a deployment over itself: load the backup beside the data, compare it, then exchange the two.

Every collection is loaded under a temporary name in its own database. Only when all of them are complete, they replace
the old ones by renaming. A journal on the agent's disk says how far this has come. settle() reads it after a crash of
the agent or the server: it removes the temporary collections if the exchange had not begun, and finishes it otherwise.
So the deployment ends up with the old data or with the restored data, never with parts of both.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, cast

from pymongo import ReadPreference
from pymongo.errors import OperationFailure, PyMongoError

from console.text.messages import Message
from instances.engines.base import Client, Contents, EngineError
from instances.engines.deployment import building, journal
from instances.engines.deployment.building import write
from instances.engines.deployment.compare import SCRIPTS, SERVER_DATABASES, TEMPORARY, is_loaded, require_same
from instances.engines.deployment.journal import Journal, Move, Obsolete, Scripts, State
from instances.engines.deployment.load import Loading, Report, require_empty
from instances.engines.deployment.mongodump import (
    CODEC,
    COLLECTION,
    TIME_SERIES,
    Documents,
    Namespace,
    Prelude,
    documents_in,
    parse,
)
from instances.engines.deployment.namespaces import NAMESPACE_NOT_FOUND, collection_of, database_names, database_of

# The option of a collection that cannot be renamed, nor replaced by renaming.
_ENCRYPTED = "encryptedFields"


def restore(
    client: Client,
    blocks: Iterator[memoryview],
    expected: Callable[[], Contents],
    report: Report,
    *,
    tag: str,
    directory: Path,
    empty: bool = False,
) -> Contents:
    """Replace the data of the deployment with the dump that the blocks contain, and return what was loaded.

    `expected` returns the contents that the backup lists; it is called when all blocks were read. `report` gets the
    number of loaded documents, and may raise to give up; it is not called once the exchange begins. `tag` is the id of
    the job. The journal stays in the `directory` until settle() and forget(). Users and roles, and collections of the
    database admin that the backup does not have, stay as they are. With `empty`, the deployment must have no data,
    neither before nor when everything is loaded. Raises EngineError, OSError, or what pymongo raises; the deployment
    has its old data unless settle() says otherwise.
    """
    settle(client, directory)
    if client.admin.command("hello").get("msg") == "isdbgrid":
        raise EngineError(Message("deployment.sharded_target"))
    if empty:
        require_empty(client)
    begun = Journal(tag)
    journal.write(directory, begun)
    try:
        contents, planned = _load(client, blocks, expected, report, tag)
        if empty:
            require_empty(client, besides=_prefix(tag))
        journal.write(directory, planned)
    except BaseException:
        # If this fails too, settle() does it.
        with suppress(EngineError, PyMongoError, OSError):
            if journal.read(directory) != begun:
                journal.write(directory, begun)
            _undo(client, directory, tag)
        raise
    _exchange(client, directory, planned)
    return contents


def settle(client: Client, directory: Path) -> bool:
    """Finish or undo the restore that the journal describes, and return whether the deployment has the restored data.

    Return False if there is no journal. May be interrupted and repeated. Raises EngineError, which also means that this
    is another deployment, OSError, or what pymongo raises; then repeat it.
    """
    known = journal.read(directory)
    if known is None:
        return False
    if known.state == State.LOADING:
        _undo(client, directory, known.tag)
        return False
    if known.state == State.EXCHANGING:
        # What the exchange drops may be in another deployment too, to which the address leads by now.
        if known.moves and not any(_is_here(client, move) for move in known.moves):
            raise EngineError(Message("deployment.restored_elsewhere"))
        _exchange(client, directory, known)
    return True


def unsettled(directory: Path) -> bool:
    """Return whether a restore has neither been finished nor undone. Raises EngineError, OSError."""
    known = journal.read(directory)
    return known is not None and known.state != State.DONE


def forget(directory: Path) -> None:
    """Remove the journal of a restore that settle() has settled, when the job's row says how it ended."""
    journal.remove(directory)


# --- Loading beside ------------------------------------------------------------------------------------------


def _load(
    client: Client, blocks: Iterator[memoryview], expected: Callable[[], Contents], report: Report, tag: str
) -> tuple[Contents, Journal]:
    names: dict[Namespace, Namespace] = {}

    def temporary(namespace: Namespace) -> Namespace:
        return names.setdefault(namespace, Namespace(namespace.database, f"{_prefix(tag)}{len(names)}"))

    loading = Loading(client, report, rename=temporary)
    parts = parse(blocks)
    prelude = next(parts)
    keeps = isinstance(prelude, Prelude) and _require_renamable(client, prelude, tag)
    loading.read(chain([prelude], parts))
    _try_views(client, loading, tag)
    require_same(expected(), loading.contents())
    return loading.contents(), _plan(client, tag, loading, keeps=keeps)


def _prefix(tag: str) -> str:
    return f"{TEMPORARY}{tag}."


def _require_renamable(client: Client, prelude: Prelude, tag: str) -> bool:
    """Return whether this server keeps the options and the UUID of a collection that it renames.

    Raises EngineError if the dump has a collection that this server cannot exchange by renaming.
    """
    entries = [entry for entry in prelude.entries if is_loaded(entry.namespace)]
    for entry in entries:
        if entry.type == TIME_SERIES or _ENCRYPTED in entry.definition().options:
            raise EngineError(Message("deployment.not_renamable", name=entry.namespace))
    databases = {entry.namespace.database for entry in entries}
    databases |= {namespace.database for namespace, _ in _collections(client)} - {"admin"}
    # Each database has privileges of its own. A missing one would stop the exchange in the middle.
    tried = [_keeps_options(client, database, tag) for database in sorted(databases)]
    keeps = all(tried)
    for entry in entries:
        if entry.type == COLLECTION and entry.definition().options and not keeps:
            raise EngineError(Message("deployment.options_lost", name=entry.namespace))
    return keeps


def _try_views(client: Client, loading: Loading, tag: str) -> None:
    """Raise EngineError for a view that the server rejects, while it can still be undone."""
    for view, definition in loading.views:
        trial = Namespace(view.namespace.database, f"{_prefix(tag)}view")
        building.create_view(client, view, trial, definition)
        _drop(client, trial)


def _keeps_options(client: Client, database: str, tag: str) -> bool:
    first, second = (Namespace(database, f"{_prefix(tag)}{name}") for name in ("probe", "renamed"))
    database_of(client, database).command("create", first.collection, validator={"a": 1})
    before = building.described(client, first)
    _rename(client, first, second)
    after = building.described(client, second)
    _drop(client, second)
    return all(before[key] == after[key] for key in ("options", "info"))


# --- Exchanging ----------------------------------------------------------------------------------------------


def _plan(client: Client, tag: str, loading: Loading, *, keeps: bool) -> Journal:
    targets = {namespace for namespace in loading.entries if namespace.collection != SCRIPTS}
    views = {view.namespace for view, _ in loading.views}
    restored = [namespace for namespace in loading.entries if namespace.collection == SCRIPTS]
    scripts = [Scripts(namespace.database, loading.target(namespace).collection) for namespace in restored]
    obsolete = []
    for namespace, found in _collections(client):
        foreign = namespace.database != "admin" and namespace not in targets | views and namespace not in restored
        if namespace.collection == SCRIPTS and foreign:
            scripts.append(Scripts(namespace.database, ""))
        if namespace.collection.startswith(("system.", _prefix(tag))):
            continue
        replaceable = found["type"] == COLLECTION and _ENCRYPTED not in found["options"]
        if foreign or namespace in views or (namespace in targets and not replaceable):
            obsolete.append(Obsolete(namespace, found["type"], _uuid(found)))
    moves = []
    for namespace in sorted(targets):
        temporary = loading.target(namespace)
        moves.append(Move(temporary, namespace, _uuid(building.described(client, temporary)) if keeps else ""))
    ordered = tuple(view for view, _ in building.in_order(loading.views))
    return Journal(tag, State.EXCHANGING, tuple(obsolete), tuple(moves), tuple(scripts), ordered)


def _exchange(client: Client, directory: Path, planned: Journal) -> None:
    """Do what the journal says and was not done yet. Raises EngineError if another client took a collection away."""
    for old in planned.obsolete:
        found = building.described(client, old.namespace)
        if found and found["type"] == old.type and (old.type != COLLECTION or _uuid(found) == old.uuid):
            _drop(client, old.namespace)
    lost = [move.target for move in planned.moves if not _move(client, move)]
    for scripts in planned.scripts:
        _replace_scripts(client, scripts)
    for view in planned.views:
        if building.described(client, view.namespace):
            _drop(client, view.namespace)
        building.create_view(client, view, view.namespace, view.definition())
    journal.write(directory, planned.at(State.DONE))
    if lost:
        raise EngineError(Message("deployment.exchange_disturbed", name=lost[0]))


def _move(client: Client, move: Move) -> bool:
    """Move the temporary collection unless that was done; return whether the restored collection is in its place."""
    try:
        _rename(client, move.temporary, move.target)
    except OperationFailure as error:
        # The server had renamed it, or was still at work on it, when the agent was interrupted.
        if error.code != NAMESPACE_NOT_FOUND:
            raise
    return _is_in_place(client, move)


def _is_in_place(client: Client, move: Move) -> bool:
    found = building.described(client, move.target)
    return bool(found) and move.uuid in ("", _uuid(found))


def _is_here(client: Client, move: Move) -> bool:
    return bool(building.described(client, move.temporary)) or _is_in_place(client, move)


def _replace_scripts(client: Client, scripts: Scripts) -> None:
    """Replace the functions of a database: its collection system.js cannot be renamed."""
    temporary = Namespace(scripts.database, scripts.temporary)
    if scripts.temporary and not building.described(client, temporary):
        return
    target = Namespace(scripts.database, SCRIPTS)
    write(client, scripts.database, "delete", SCRIPTS, deletes=[{"q": {}, "limit": 0}])
    if scripts.temporary:
        loaded = collection_of(client, temporary).with_options(read_preference=ReadPreference.PRIMARY)
        for batch in cast("Iterator[bytes]", loaded.find_raw_batches()):
            building.insert(client, target, Documents(target, batch, documents_in(batch)), name=target)
        _drop(client, temporary)


def _undo(client: Client, directory: Path, tag: str) -> None:
    for namespace, _ in _collections(client):
        if namespace.collection.startswith(_prefix(tag)):
            _drop(client, namespace)
    journal.remove(directory)


def _collections(client: Client) -> Iterator[tuple[Namespace, dict[str, Any]]]:
    """Yield all collections and views of the databases that are not the servers' own."""
    for database in sorted(database_names(client) - SERVER_DATABASES):
        for found in list(database_of(client, database).cursor_command("listCollections", codec_options=CODEC)):
            yield Namespace(database, found["name"]), dict(found)


def _uuid(found: dict[str, Any]) -> str:
    """Return the UUID of a collection; "" for a view, which has none."""
    return bytes(found["info"].get("uuid", b"")).hex()


def _rename(client: Client, source: Namespace, target: Namespace) -> None:
    write(client, "admin", "renameCollection", str(source), to=str(target), dropTarget=True)


def _drop(client: Client, namespace: Namespace) -> None:
    try:
        write(client, namespace.database, "drop", namespace.collection)
    except OperationFailure as error:
        if error.code != NAMESPACE_NOT_FOUND:
            raise
