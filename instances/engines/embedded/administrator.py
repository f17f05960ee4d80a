"""The administrator of an instance: the user that people sign in as, and its password."""

from instances.engines.base import ADMINISTRATOR, EngineError, Server
from instances.engines.embedded import process
from instances.engines.embedded.client import connected


def set_password(server: Server, password: str) -> None:
    """Set the administrator's password, and create the administrator if there is none yet. Raises EngineError."""
    with connected(server) as client:
        if _record(client.admin.command("usersInfo", ADMINISTRATOR)):
            client.admin.command("updateUser", ADMINISTRATOR, pwd=password)
        else:
            client.admin.command("createUser", ADMINISTRATOR, pwd=password, roles=["root"])


def keep_password(server: Server) -> bool:
    """Make the next server of this home give the administrator the current password.

    Restored files contain the users of their backup. The home stores the credentials that a server checks passwords
    against, not the password. Return False if the server does not answer or has no administrator.
    """
    try:
        with connected(server, seconds=5.0) as client:
            known = _record(client.admin.command("usersInfo", ADMINISTRATOR, showCredentials=True))
    except EngineError:
        return False
    if known is None:
        return False
    kept = {"user": ADMINISTRATOR, "credentials": known["credentials"]}
    process.write_secret(server.home / process.WAITING_ADMINISTRATOR, kept)
    return True


def _record(answer: dict[str, object]) -> dict[str, object] | None:
    users = answer["users"]
    assert isinstance(users, list)
    return users[0] if users else None
