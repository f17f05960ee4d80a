"""What people are told when the console database does not do what it is asked."""

import sqlite3

from django.db import DatabaseError, InterfaceError, OperationalError

from console.text.sentences import sentence as _

# What its server or its disk says, and no fault of the query.
AWAY = (OperationalError, InterfaceError)


def explain(error: DatabaseError | InterfaceError) -> str:
    """Why, as a sentence, and what to do about it."""
    cause = error.__cause__
    sqlite = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if sqlite == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", "") == "53100":
        return _("The disk of the console database is full. Make room on it.")
    if sqlite in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return _("Another program keeps the console database locked.")
    if sqlite in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return _("The file of the console database cannot be used (%s). See to its disk.") % cause
    return _("The console database does not answer.")
