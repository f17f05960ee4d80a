"""The commands that the console adds to SecantusDB or removes from it.

    console.openBackup     take a cut of all databases; returns the files to copy and how long writers waited
    console.backupContents wait up to `seconds` for the documents of the cut to be counted; returns whether they are
                           `counted`, and if so their numbers by database and collection
    console.closeBackup    end the cut; fails if it has already ended, because the copied files are then worthless
    console.documents      return the number of documents in all databases
    console.read           read a row; fails if the files can no longer be used
    console.check          compare the indexes of the `collection` of the database `of` with its documents; returns
                           whether all documents are `valid`, and the names of the `damaged` indexes

Only the agent's user may call these. For all other users they do not exist.
"""

from typing import Any

import bson
from secantus import commands
from secantus.rbac import A_FSYNC

from .backup_cursor import Backups
from .commit_gate import CannotBackUp
from .counts import Total, begin_snapshot
from .index_check import damaged_indexes

Document = dict[str, Any]


def add_commands(backups: Backups, total: Total, connection: Any, agent_name: str) -> None:
    def read(_request: Document, _context: Any) -> Document:
        session = connection.open_session()
        try:
            begin_snapshot(session)
        finally:
            session.close()
        return {"ok": 1.0}

    def check(request: Document, _context: Any) -> Document:
        try:
            damaged = damaged_indexes(connection, request["of"], request["collection"])
        except (ValueError, bson.errors.BSONError):
            return {"valid": False, "damaged": [], "ok": 1.0}
        return {"valid": True, "damaged": damaged, "ok": 1.0}

    def documents(_request: Document, _context: Any) -> Document:
        return {"documents": total.documents(), "backingUp": backups.is_open, "ok": 1.0}

    def guarded(name: str, handler: Any) -> Any:
        def handle(request: Document, context: Any) -> Document:
            if ("admin", agent_name) not in context.connection_auth.authenticated_principals:
                return {"ok": 0.0, "errmsg": f"no such command: '{name}'", "code": 59, "codeName": "CommandNotFound"}
            try:
                answer: Document = handler(request, context)
            except CannotBackUp as error:
                reason, sentence = error.args
                return {"ok": 0.0, "errmsg": sentence, "code": 1, "codeName": reason}
            return answer

        return handle

    for name, handler in {
        "console.openBackup": backups.open,
        "console.backupContents": backups.contents,
        "console.closeBackup": backups.close,
        "console.documents": documents,
        "console.read": read,
        "console.check": check,
    }.items():
        commands._HANDLERS[name] = guarded(name, handler)
        commands._COMMAND_ACTIONS[name] = (A_FSYNC, commands.SCOPE_CLUSTER)


def remove_file_commands() -> None:
    """Remove SecantusDB's own backup commands, which can read and write any file that this process can."""
    for name in [name for name in commands._HANDLERS if name.startswith("secantusAdmin.")]:
        del commands._HANDLERS[name]


def hide_passwords_from_profiler() -> None:
    """Keep passwords out of the profiler's collections, which are part of every backup."""
    sanitize, secret = commands._profile_sanitize_command, {"pwd", "payload", "speculativeAuthenticate"}

    def sanitized(request: Document) -> Document:
        return {key: "***" if key in secret else value for key, value in sanitize(request).items()}

    commands._profile_sanitize_command = sanitized
