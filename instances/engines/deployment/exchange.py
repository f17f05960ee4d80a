"""Restore a deployment over itself: load the backup beside the data, compare it, then exchange the two.

Every collection is loaded under a temporary name in its own database. Only when all of them are complete, they replace
the old ones by renaming. A journal on the agent's disk says how far this has come. settle() reads it after a crash of
the agent or the server: it removes the temporary collections if the exchange had not begun, and finishes it otherwise.
So the deployment ends up with the old data or with the restored data, never with parts of both. An empty collection,
the mark, exists as long as anything else is left, so settle() does not mistake another deployment for this one.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
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
    Part,
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
    address: str,
    empty: bool = False,
) -> Contents:
    """Replace the data of the deployment with the dump that the blocks contain, and return what was loaded.

    `expected` returns the contents that the backup lists; it is called when all blocks were read. `report` gets the
    number of loaded documents, and may raise to give up; it is not called once the exchange begins. `tag` is the id of
    the job, `address` that of the deployment. The journal stays in the `directory` until settle() and forget(). Users
    and roles, and collections of the database admin that the backup does not have, stay as they are. With `empty`, the
    deployment must have no data, neither before nor when everything is loaded. Raises EngineError, OSError, or what
    pymongo raises; the deployment has its old data unless settle() says otherwise.
    """
    settle(client, directory, address=address)
    if client.admin.command("hello").get("msg") == "isdbgrid":
        raise EngineError(Message("deployment.sharded_target"))
    if empty:
        require_empty(client)
    parts = parse(blocks)
    prelude = cast(Prelude, next(parts))
    databases = _databases(client, prelude)
    # The database admin only if there is no other: the user may have no privileges there.
    mark = Namespace(min(databases - {"admin"}, default="admin"), f"{_prefix(tag)}mark")
    begun = Journal(tag, mark, address)
    try:
        _set_mark(client, directory, begun)
        keeps = _require_renamable(client, prelude, databases, tag)
        loading = _load(client, chain([prelude], parts), expected, report, tag)
        planned = _plan(client, begun, loading, keeps=keeps)
        if empty:
            require_empty(client, besides=_prefix(tag))
        journal.write(directory, planned)
    except BaseException:
        # If this fails too, settle() does it.
        with suppress(EngineError, PyMongoError, OSError):
            known = journal.read(directory)
            if known and known.state == State.EXCHANGING:
                known = begun.at(State.LOADING)
                journal.write(directory, known)
            if known:
                _undo(client, directory, known)
        raise
    _exchange(client, directory, planned)
    return loading.contents()


def settle(client: Client, directory: Path, *, address: str) -> bool:
    """Finish or undo the restore that the journal describes, and return whether the deployment has the restored data.

    Return False if there is no journal. May be interrupted and repeated. Raises EngineError, which also means that this
    is another deployment, OSError, or what pymongo raises; then repeat it. `address` is the deployment's present one.
    """
    known = journal.read(directory)
    if known is None:
        return False
    if _needs_mark(known, address) and not building.described(client, known.mark):
        path = directory / journal.NAME
        raise EngineError(Message("deployment.restored_elsewhere", mark=known.mark, path=path))
    if known.state in {State.UNTOUCHED, State.LOADING}:
        _undo(client, directory, known)
        return False
    if known.state == State.EXCHANGING:
        _exchange(client, directory, known)
    elif known.state == State.RESTORED:
        _end(client, directory, known)
    return True


def unsettled(directory: Path) -> bool:
    """Return whether a restore has neither been finished nor undone. Raises EngineError, OSError."""
    known = journal.read(directory)
    return known is not None and known.state != State.DONE


def forget(directory: Path) -> None:
    """Remove the journal of a restore that settle() has settled, when the job's row says how it ended."""
    journal.remove(directory)


# --- The mark ------------------------------------------------------------------------------------------------


def _needs_mark(known: Journal, address: str) -> bool:
    """Return whether only the mark proves that this is the deployment that the journal is about.

    On another one, the exchange would drop what is none of the old data. Undoing would find nothing there, and forget
    what is left on the first one. But a server that keeps less than it acknowledged may lose the mark when it crashes
    soon after, and undoing drops temporary collections only, so there an unchanged address is enough. In the other
    states, at most the empty mark itself is left.
    """
    return known.state == State.EXCHANGING or (known.state == State.LOADING and known.address != address)


def _set_mark(client: Client, directory: Path, begun: Journal) -> None:
    """Create the mark, and say in the journal that it exists.

    The journal comes first, in a state that does not need the mark: after a crash in between, settle() removes a mark
    that may exist. Without a journal, nobody would.
    """
    journal.write(directory, begun)
    write(client, begun.mark.database, "create", begun.mark.collection)
    journal.write(directory, begun.at(State.LOADING))


def _drop_mark(client: Client, known: Journal) -> None:
    """Drop the mark if it exists: a user who could not create it may not drop it either."""
    if building.described(client, known.mark):
        _drop(client, known.mark)


# --- Loading beside ------------------------------------------------------------------------------------------


def _load(client: Client, parts: Iterator[Part], expected: Callable[[], Contents], report: Report, tag: str) -> Loading:
    names: dict[Namespace, Namespace] = {}

    def temporary(namespace: Namespace) -> Namespace:
        return names.setdefault(namespace, Namespace(namespace.database, f"{_prefix(tag)}{len(names)}"))

    loading = Loading(client, report, rename=temporary)
    loading.read(parts)
    _try_views(client, loading, tag)
    require_same(expected(), loading.contents())
    return loading


def _prefix(tag: str) -> str:
    return f"{TEMPORARY}{tag}."


def _databases(client: Client, prelude: Prelude) -> set[str]:
    """Return the databases that the restore changes."""
    loaded = {entry.namespace.database for entry in prelude.entries if is_loaded(entry.namespace)}
    return loaded | {namespace.database for namespace, _ in _collections(client)} - {"admin"}


def _require_renamable(client: Client, prelude: Prelude, databases: Iterable[str], tag: str) -> bool:
    """Return whether this server keeps the options and the UUID of a collection that it renames.

    Raises EngineError if the dump has a collection that this server cannot exchange by renaming.
    """
    entries = [entry for entry in prelude.entries if is_loaded(entry.namespace)]
    for entry in entries:
        if entry.type == TIME_SERIES or _ENCRYPTED in entry.definition().options:
            raise EngineError(Message("deployment.not_renamable", name=entry.namespace))
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


def _plan(client: Client, begun: Journal, loading: Loading, *, keeps: bool) -> Journal:
    targets = {namespace for namespace in loading.entries if namespace.collection != SCRIPTS}
    views = {view.namespace for view, _ in loading.views}
    restored = [namespace for namespace in loading.entries if namespace.collection == SCRIPTS]
    scripts = [Scripts(namespace.database, loading.target(namespace).collection) for namespace in restored]
    obsolete = []
    for namespace, found in _collections(client):
        foreign = namespace.database != "admin" and namespace not in targets | views and namespace not in restored
        if namespace.collection == SCRIPTS and foreign:
            scripts.append(Scripts(namespace.database, ""))
        if namespace.collection.startswith(("system.", _prefix(begun.tag))):
            continue
        replaceable = found["type"] == COLLECTION and _ENCRYPTED not in found["options"]
        if foreign or namespace in views or (namespace in targets and not replaceable):
            obsolete.append(Obsolete(namespace, found["type"], _uuid(found)))
    moves = []
    for namespace in sorted(targets):
        temporary = loading.target(namespace)
        moves.append(Move(temporary, namespace, _uuid(building.described(client, temporary)) if keeps else ""))
    ordered = tuple(view for view, _ in building.in_order(loading.views))
    return replace(
        begun,
        state=State.EXCHANGING,
        obsolete=tuple(obsolete),
        moves=tuple(moves),
        scripts=tuple(scripts),
        views=ordered,
    )


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
    journal.write(directory, planned.at(State.RESTORED))
    _end(client, directory, planned)
    if lost:
        raise EngineError(Message("deployment.exchange_disturbed", name=lost[0]))


def _end(client: Client, directory: Path, restored: Journal) -> None:
    _drop_mark(client, restored)
    journal.write(directory, restored.at(State.DONE))


def _move(client: Client, move: Move) -> bool:
    """Move the temporary collection unless that was done; return whether the restored collection is in its place."""
    try:
        _rename(client, move.temporary, move.target)
    except OperationFailure as error:
        # The server had renamed it, or was still at work on it, when the agent was interrupted.
        if error.code != NAMESPACE_NOT_FOUND:
            raise
    found = building.described(client, move.target)
    return bool(found) and move.uuid in ("", _uuid(found))


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


def _undo(client: Client, directory: Path, begun: Journal) -> None:
    """Drop the temporary collections, last the mark. Each crash leaves what the next call needs."""
    if begun.state != State.UNTOUCHED:
        for namespace, _ in _collections(client):
            if namespace.collection.startswith(_prefix(begun.tag)) and namespace != begun.mark:
                _drop(client, namespace)
        journal.write(directory, begun.at(State.UNTOUCHED))
    _drop_mark(client, begun)
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
