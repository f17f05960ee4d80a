"""The embedded engine, as the rest of the console knows it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from instances.engines.base import Contents, Cut, Engine, Facts, Server, nothing
from instances.engines.embedded import backup, facts, users


class Embedded(Engine):
    name = facts.NAME
    method = "Physical"

    def alive(self, server: Server) -> bool:
        return facts.alive(server)

    def facts(self, server: Server) -> Facts:
        return facts.facts(server)

    def backup(self, server: Server, waiting: Callable[[], None] = nothing) -> AbstractContextManager[Cut]:
        return backup.backup(server, waiting)

    def owns(self, member: str) -> bool:
        return backup.owns(member)

    def inspect(self, server: Server, report: Callable[[int, int], None]) -> Contents:
        return facts.inspect(server, report)

    def set_password(self, server: Server, password: str) -> None:
        users.set_password(server, password)
