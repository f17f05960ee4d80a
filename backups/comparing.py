"""Compare a server's counts of a restored backup with the archive's list of contents."""

from console.text.messages import Count, Message, joined
from instances.engines.base import Collection, Contents

# The message lists at most this many differences.
_NAMED = 5


def differences(expected: Contents, found: Contents) -> str:
    """Return a sentence that says how the contents differ; "" if they do not."""
    before, after = _collections(expected), _collections(found)
    compared = [_difference(key, before.get(key), after.get(key)) for key in sorted(before.keys() | after.keys())]
    named = [difference for difference in compared if difference]
    if not named:
        return ""
    if len(named) > _NAMED:
        named[_NAMED:] = [Message("verification.more", count=len(named) - _NAMED)]
    return Message("verification.differs", differences=joined("; ", named))


def _collections(contents: Contents) -> dict[str, Collection]:
    return {
        f"{database.name}.{collection.name}": collection
        for database in contents.databases
        for collection in database.collections
    }


def _difference(name: str, expected: Collection | None, found: Collection | None) -> str:
    if found is None or expected is None or found.documents != expected.documents:
        counts = {"found": _documents(found), "expected": _documents(expected)}
        return Message("verification.documents", collection=name, **counts)
    if found.indexes != expected.indexes:
        return Message("verification.indexes", collection=name)
    return ""


def _documents(collection: Collection | None) -> Count:
    return Count(collection.documents if collection else 0)
