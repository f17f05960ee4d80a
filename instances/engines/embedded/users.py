"""The administrator of an instance, whom people sign in as."""

from instances.engines.base import EngineError, Server
from instances.engines.embedded import process
from instances.engines.embedded.connect import connected

ADMINISTRATOR = "rwuser"


def set_password(server: Server, password: str) -> None:
    """Give the administrator this password, and make the administrator if there is none yet. Raises EngineError."""
    with connected(server) as client:
        if _record(client.admin.command("usersInfo", ADMINISTRATOR)):
            client.admin.command("updateUser", ADMINISTRATOR, pwd=password)
        else:
            client.admin.command("createUser", ADMINISTRATOR, pwd=password, roles=["root"])


def keep_administrator(server: Server) -> bool:
    """Have the next server of this home give the administrator the password of now; False if nothing is known of it.

    For an exchange of the files: the users in a backup are those of its time. What is kept are the credentials that
    the server checks passwords against, not a password.
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
