"""The embedded engine, as the rest of the console knows it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

from instances.engines import base
from instances.engines.base import Capabilities, Client, Contents, Cut, Facts, HostedEngine, Server, nothing
from instances.engines.embedded import (
    administrator,
    client,
    copy_under_cursor,
    facts,
    inspection,
    process,
    restore,
    scratch_server,
)


class Embedded(HostedEngine):
    name = facts.NAME
    method = "Physical"
    # The functions of these modules implement the protocols.
    files: base.Files = process
    exchange: base.Exchange = restore
    processes: base.Processes = process

    def capabilities(self, instance_type: str) -> Capabilities:
        return Capabilities(methods=(self.method,))

    def watch(self, server: Server, /) -> base.Watch:
        return facts.Watch(server)

    def alive(self, server: Server, /) -> bool:
        with closing(facts.Watch(server)) as watch:
            return watch.alive()

    def facts(self, server: Server, /) -> Facts:
        with closing(facts.Watch(server)) as watch:
            return watch.facts()

    def connect(self, server: Server, *, seconds: float = 30.0) -> AbstractContextManager[Client]:
        return client.connected(server, seconds=seconds)

    def backup(self, server: Server, waiting: Callable[[], None] = nothing, /) -> AbstractContextManager[Cut]:
        return copy_under_cursor.backup(server, waiting)

    def made(self, engine: str) -> bool:
        return engine == self.name

    def owns(self, member: str) -> bool:
        return copy_under_cursor.owns(member)

    def inspect(self, server: Server, report: Callable[[int, int], None]) -> Contents:
        return inspection.inspect(server, report)

    def set_password(self, server: Server, password: str) -> None:
        administrator.set_password(server, password)

    def keep_password(self, server: Server) -> bool:
        return administrator.keep_password(server)

    def scratch(self, home: Path) -> AbstractContextManager[Server]:
        return scratch_server.running(home)
