"""What of a backup a restore loads, and whether it has loaded all of it."""

from console.text.messages import Count, Message
from instances.engines.base import Collection, Contents, EngineError
from instances.engines.deployment.moment import PROBE
from instances.engines.deployment.mongodump import Namespace

# The databases of the server and of the console's tests. What a dump has of them describes its own deployment.
SERVER_DATABASES = frozenset({"", "config", "local", PROBE})
# Names that begin so belong to collections that a restore has not finished.
TEMPORARY = "console.restore."
# The functions that people store in a database.
SCRIPTS = "system.js"


def is_loaded(namespace: Namespace) -> bool:
    """Return whether a collection of a dump is loaded. Users and roles are not."""
    database, collection = namespace
    if database in SERVER_DATABASES or collection.startswith(TEMPORARY):
        return False
    return not collection.startswith("system.") or collection == SCRIPTS


def require_same(expected: Contents, loaded: Contents) -> None:
    """Raise EngineError, which names a collection, if what was loaded is not what the backup lists."""
    listed, found = _by_namespace(expected), _by_namespace(loaded)
    for namespace in sorted(listed.keys() | found.keys()):
        if namespace not in found:
            raise EngineError(Message("deployment.collection_missing", name=namespace))
        if namespace not in listed:
            raise EngineError(Message("deployment.collection_unlisted", name=namespace))
        if listed[namespace] != found[namespace]:
            raise EngineError(_difference(namespace, listed[namespace], found[namespace]))


def _difference(namespace: Namespace, listed: Collection, found: Collection) -> Message:
    return Message(
        "deployment.collection_differs",
        name=namespace,
        loaded=Count(found.documents),
        loaded_indexes=", ".join(found.indexes) or "-",
        expected=Count(listed.documents),
        expected_indexes=", ".join(listed.indexes) or "-",
    )


def _by_namespace(contents: Contents) -> dict[Namespace, Collection]:
    every = {
        Namespace(database.name, collection.name): collection
        for database in contents.databases
        for collection in database.collections
    }
    return {namespace: collection for namespace, collection in every.items() if is_loaded(namespace)}
