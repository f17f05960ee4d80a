"""Explanations, for people, of why the console database or a file could not be used."""

import errno
import sqlite3

from django.db import DatabaseError, InterfaceError, OperationalError

from console.text.messages import Message

# The errors that Django raises if the database cannot be reached or written, without any fault of the query.
DATABASE_UNAVAILABLE = (OperationalError, InterfaceError)
_TOO_MANY_FILES = {errno.EMFILE, errno.ENFILE}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain_database(error: DatabaseError | InterfaceError) -> str:
    """Return the reason as a sentence, with what to do about it."""
    cause = error.__cause__
    sqlite = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if sqlite == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", "") == "53100":
        return Message("database.full")
    if sqlite in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Message("database.locked")
    if sqlite in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return Message("database.unusable", why=cause)
    return Message("database.unreachable")


def explain_file(error: OSError) -> str:
    """Return the reason as the end of a sentence, without a full stop, with what to do if people can do something."""
    why = error.strerror or str(error) or type(error).__name__
    if not isinstance(why, Message):
        why = why.removesuffix(".")
    if error.filename:
        why = f"{why} ({error.filename})"
    if error.errno in _TOO_MANY_FILES:
        return Message("files.too_many", why=why)
    return Message("disk.full", why=why) if error.errno in _FULL else why
