"""What the database sorts and searches lists by: the keys of indexes. Models and migrations import this file only."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, Case, Func, Q, Value, When
from django.db.models.functions import Lower
from django.db.models.sql.compiler import SQLCompiler


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


def opaque(condition: Q) -> Case:
    """The same condition, but no reason for the database to choose an index."""
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
