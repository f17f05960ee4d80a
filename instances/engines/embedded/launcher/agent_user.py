"""The user that the agent signs in as. It is hidden: no command or query shows or changes it."""

import json
from pathlib import Path
from typing import Any

from secantus import commands
from secantus.auth import derive_credentials
from secantus.storage import _USERS_TABLE, Storage

from .foreign import require_own_users

Document = dict[str, Any]


class HiddenAgent(Storage):
    """SecantusDB's storage without its record of the agent's user."""

    agent_name: str

    def drop_user(self, db: str, username: str) -> bool:
        return not self._is_agent(db, username) and bool(super().drop_user(db, username))

    def list_users(self, db: str | None = None, *, skip: int = 0, limit: int = 100) -> list[Document]:
        users = super().list_users(db, skip=skip, limit=limit)
        return [user for user in users if not self._is_agent(user.get("db"), user.get("user"))]

    def _scan_user_records(self) -> list[Document]:
        records = super()._scan_user_records()
        return [record for record in records if not self._is_agent(record.get("db"), record.get("user"))]

    def _is_agent(self, db: object, username: object) -> bool:
        return (db, username) == ("admin", self.agent_name)


def prepare_users(storage: Storage, agent: Document, home: Path) -> None:
    """Give the agent its password, and the administrator the credentials in the home, if there are any.

    Call this before the server listens, because a restored copy has the users of its backup. Raises CannotStart.
    """
    session = storage._conn.open_session()
    require_own_users(session.open_cursor(_USERS_TABLE))
    session.close()
    _write_user(storage, agent["user"], derive_credentials(agent["password"]).to_doc())
    waiting = home / "administrator.json"
    if waiting.exists():
        administrator = json.loads(waiting.read_bytes())
        _write_user(storage, administrator["user"], administrator["credentials"])
        waiting.unlink()


def _write_user(storage: Storage, user: str, credentials: Document) -> None:
    record = {
        "_id": f"admin.{user}",
        "user": user,
        "db": "admin",
        "credentials": credentials,
        "roles": [{"role": "root", "db": "admin"}],
        "mechanisms": list(credentials),
    }
    storage.add_user("admin", user, record, replace=True)


def hide_from_commands(agent_name: str) -> None:
    """Make the commands about users answer as if the agent's user did not exist, for every caller."""

    def guarded(name: str, handler: Any) -> Any:
        def handle(request: Document, context: Any) -> Document:
            if request.get(name) == agent_name and context.db_name == "admin":
                error = f"User '{agent_name}@admin' not found"
                return {"ok": 0.0, "errmsg": error, "code": 11, "codeName": "UserNotFound"}
            answer: Document = handler(request, context)
            if "users" in answer:
                answer["users"] = [
                    user for user in answer["users"] if (user["db"], user["user"]) != ("admin", agent_name)
                ]
            return answer

        return handle

    for name in ("createUser", "updateUser", "dropUser", "grantRolesToUser", "revokeRolesFromUser", "usersInfo"):
        commands._HANDLERS[name] = guarded(name, commands._HANDLERS[name])
