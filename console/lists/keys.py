"""Expressions for sorting and searching lists, and for indexes. Models and migrations import only this file."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, Case, Func, Q, Value, When
from django.db.models.functions import Lower
from django.db.models.sql.compiler import SQLCompiler


class NameKey(Lower):
    """A name as lists search and sort it: ignoring case, by code point whatever the database's language."""

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Sequence[Any]]:
        sql, parameters = super().as_sql(compiler, connection, **context)
        return f'({sql} COLLATE "C")', parameters


class SizeKey(Func):
    """A size as lists sort it: in every database, rows without a size come before the smallest."""

    template = "COALESCE(%(expressions)s, -1)"
    output_field = BigIntegerField()


def opaque(condition: Q) -> Case:
    """Wrap the condition so that the database does not choose an index for it."""
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
