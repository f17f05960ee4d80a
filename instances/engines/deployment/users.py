"""Load users and roles of a dump, which servers accept only through a command of their own, as mongorestore does."""

from collections.abc import Iterable
from typing import Any

import bson
from pymongo import ReadPreference
from pymongo.errors import OperationFailure

from console.text.messages import Message
from instances.engines.base import Client, EngineError
from instances.engines.deployment import building
from instances.engines.deployment.compare import TEMPORARY
from instances.engines.deployment.mongodump import CODEC, Documents, Entry, Namespace

_MERGE = "_mergeAuthzCollections"
# The collections of a dump, the parameter of the command, and the collections that it reads.
_USERS, _ROLES = Namespace("admin", "system.users"), Namespace("admin", "system.roles")
_TEMPORARY = {
    _USERS: ("tempUsersCollection", Namespace("admin", f"{TEMPORARY}users")),
    _ROLES: ("tempRolesCollection", Namespace("admin", f"{TEMPORARY}roles")),
}


class Loading:
    """Loads the users and roles of one dump. Those that the server has already keep their passwords and rights."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[Namespace, set[str]] = {}

    def begin(self, entries: Iterable[Entry]) -> None:
        """Prepare for the users and roles among the entries. Raises EngineError if the server cannot merge them."""
        found = [entry.namespace for entry in entries if entry.namespace in _TEMPORARY]
        if found and not self._can_merge():
            raise EngineError(Message("deployment.users_refused"))
        for database, collection in found:
            users = self._client[database].get_collection(collection, read_preference=ReadPreference.PRIMARY)
            ids = users.find({}, {"_id": 1})
            self._known[Namespace(database, collection)] = {str(each["_id"]) for each in ids}
        self.clean_up()
        for namespace in self._known:
            _, temporary = _TEMPORARY[namespace]
            self._client[temporary.database].create_collection(temporary.collection)

    def _can_merge(self) -> bool:
        try:
            return _MERGE in self._client.admin.command("listCommands")["commands"]
        except OperationFailure:
            return False

    def insert(self, documents: Documents) -> None:
        """Keep the users or roles for merge(). Documents of any other namespace are ignored."""
        if documents.namespace not in self._known:
            return
        known, (_, temporary) = self._known[documents.namespace], _TEMPORARY[documents.namespace]
        fresh = [each for each in documents.each() if str(bson.decode(each, CODEC).get("_id")) not in known]
        wanted = Documents(documents.namespace, b"".join(fresh), len(fresh))
        building.insert(self._client, temporary, wanted, name=documents.namespace)

    def merge(self) -> None:
        """Add the users and roles to those of the server. Raises EngineError."""
        if not self._known:
            return
        command: dict[str, Any] = {_MERGE: 1, "drop": False, "db": ""}
        for namespace in self._known:
            parameter, temporary = _TEMPORARY[namespace]
            command[parameter] = str(temporary)
        with building.refusals("deployment.users_not_merged"):
            self._client.admin.command(command)

    def clean_up(self) -> None:
        """Drop what insert() kept: it has credentials."""
        if self._known:
            self._drop()

    def _drop(self) -> None:
        for _, temporary in _TEMPORARY.values():
            self._client[temporary.database].drop_collection(temporary.collection)
