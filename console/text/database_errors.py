"""What people are told when the console database does not do what it is asked."""

import sqlite3

from django.db import DatabaseError, InterfaceError, OperationalError

from console.text.messages import Message

# What its server or its disk says, and no fault of the query.
AWAY = (OperationalError, InterfaceError)


def explain(error: DatabaseError | InterfaceError) -> str:
    """Why, as a sentence, and what to do about it."""
    cause = error.__cause__
    sqlite = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if sqlite == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", "") == "53100":
        return Message("database.full")
    if sqlite in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Message("database.locked")
    if sqlite in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return Message("database.unusable", why=cause)
    return Message("database.unreachable")
