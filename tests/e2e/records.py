"""Rows of the console's own database, which tests read and change without the ORM, behind the console's back."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from django.conf import settings
from psycopg.rows import dict_row

from console.text.messages import decode

# Outside pytest no settings are configured: configure them so that messages are decoded without translation.
if "DJANGO_SETTINGS_MODULE" not in os.environ:
    settings.configure(USE_I18N=False)


class Records:
    """The rows of one table. A condition is a value of a column: None for NULL, a tuple for any of its values."""

    def __init__(self, environment: Mapping[str, str], table: str, order: str) -> None:
        self._environment, self._table, self._order = environment, table, order

    def find(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return the rows that meet all conditions, oldest first, with stored messages in English."""
        where, parameters = _where(wanted)
        return [
            {name: decode(value) if isinstance(value, str) else value for name, value in row.items()}
            for row in self._execute(f"SELECT * FROM {self._table} {where} ORDER BY {self._order}", parameters)
        ]

    def last(self, **wanted: Any) -> dict[str, Any]:
        """Return the newest row that meets all conditions, or an empty one."""
        rows = self.find(**wanted)
        return rows[-1] if rows else {}

    def change(self, wanted: Mapping[str, Any], **values: Any) -> None:
        """Write the values into all rows that meet the conditions."""
        where, parameters = _where(wanted)
        assignments = ", ".join(f"{name} = ?" for name in values)
        self._execute(f"UPDATE {self._table} SET {assignments} {where}", [*values.values(), *parameters])

    def put(self, key: str, **values: Any) -> None:
        """Insert a row with the values or, if there is a row with its `key`, write them into that row."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        updates = ", ".join(f"{name} = excluded.{name}" for name in values)
        self._execute(
            f"INSERT INTO {self._table} ({names}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {updates}",
            list(values.values()),
        )

    def delete(self, **wanted: Any) -> None:
        where, parameters = _where(wanted)
        self._execute(f"DELETE FROM {self._table} {where}", parameters)

    @contextmanager
    def taken_away(self) -> Iterator[None]:
        """Run the block without the table, so that each page that reads it fails."""
        self._execute(f"ALTER TABLE {self._table} RENAME TO {self._table}_away", [])
        try:
            yield
        finally:
            self._execute(f"ALTER TABLE {self._table}_away RENAME TO {self._table}", [])

    def _execute(self, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
        if url := self._environment.get("DATABASE_URL"):
            with psycopg.connect(url, row_factory=dict_row) as postgresql:
                cursor = postgresql.execute(sql.replace("?", "%s").encode(), parameters)
                return cursor.fetchall() if cursor.description else []
        file = f"file:{self._environment['CONSOLE_HOME']}/console.sqlite3?mode=rw"
        with closing(sqlite3.connect(file, uri=True, timeout=30)) as database, database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, parameters)]


def _where(wanted: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return the WHERE clause, empty if there is no condition, and its parameters."""
    conditions: list[str] = []
    parameters: list[Any] = []
    for name, value in wanted.items():
        values = value if isinstance(value, tuple) else (value,)
        conditions.append(f"{name} IS NULL" if value is None else f"{name} IN ({', '.join('?' * len(values))})")
        parameters += [] if value is None else values
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), parameters
