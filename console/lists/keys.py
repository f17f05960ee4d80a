"""What the database sorts and searches lists by: keys for indexes, and conditions on names and ids. No view code."""

import re
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, Case, Func, Q, Value, When
from django.db.models.functions import Lower
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan
from django.db.models.sql.compiler import SQLCompiler

_NAME = re.compile(r"\A[A-Za-z0-9_-]+\Z")
_ID = re.compile(r"\A[0-9a-f]{32}[a-z]{2}[0-9]{2}\Z")
_UUID = re.compile(r"\A[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z")
_NOTHING = Q(pk__in=())


class NameKey(Lower):
    """A name as lists search and sort it: without regard to case, by its characters in any language."""

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Sequence[Any]]:
        sql, parameters = super().as_sql(compiler, connection, **context)
        return f'({sql} COLLATE "C")', parameters


class SizeKey(Func):
    """A size as lists sort it: what has none comes before the smallest, in every database."""

    template = "COALESCE(%(expressions)s, -1)"
    output_field = BigIntegerField()


def name_is(field: str, text: str) -> Q:
    """The name is the text, in any case."""
    return Q(Exact(NameKey(field), Value(text.lower()))) if _NAME.match(text) else _NOTHING


def name_begins(field: str, text: str) -> Q:
    """The name begins with the text, in any case; a range that an index on NameKey serves."""
    if not _NAME.match(text):
        return _NOTHING
    first = text.lower()
    behind = first[:-1] + chr(ord(first[-1]) + 1)
    key = NameKey(field)
    return Q(GreaterThanOrEqual(key, Value(first))) & Q(LessThan(key, Value(behind)))


def is_id(text: str) -> bool:
    """True if the text is a whole id of an instance or of a backup."""
    return bool(_ID.match(text))


def is_uuid(text: str) -> bool:
    """True if the text is a whole id of a job."""
    return bool(_UUID.match(text))


def search(text: str) -> Q:
    """The name begins with the text, or the id is it."""
    found = name_begins("name", text)
    return found | Q(id=text) if is_id(text) else found


def opaque(condition: Q) -> Case:
    """The same condition, but no reason for the database to choose an index."""
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
