"""The engine for existing deployments, as the rest of the console knows it."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

from console.text.messages import Message
from instances.choices import InstanceType, JobKind
from instances.engines.base import (
    Access,
    Capabilities,
    Client,
    Contents,
    Cut,
    Database,
    Engine,
    EngineError,
    Facts,
    nothing,
)
from instances.engines.deployment import digests, exchange, journal, load, testing_connection
from instances.engines.deployment.building import Lacks
from instances.engines.deployment.compare import is_loaded
from instances.engines.deployment.connect import connected
from instances.engines.deployment.digests import Digest
from instances.engines.deployment.dump import dump
from instances.engines.deployment.facts import Watch
from instances.engines.deployment.mongodump import Namespace
from instances.engines.deployment.testing_connection import Tested

# Any server that speaks the protocol can be backed up, whatever it calls itself.
_MEMBER = re.compile(r"dump/\d{8}", re.ASCII)
# The longest that a server may take to build one index, and for one step of an exchange.
_LOAD_SECONDS, _SETTLE_SECONDS = 24 * 3600.0, 60.0


class Deployment(Engine[Access]):
    method = "Logical"

    def capabilities(self, instance_type: str) -> Capabilities:
        refusals: dict[str, str] = {
            JobKind.RESTART: Message("deployment.no_restart"),
            JobKind.RESET_PASSWORD: Message("deployment.no_reset_password"),
        }
        if instance_type == InstanceType.CLUSTER:
            refusals[JobKind.RESTORE_ORIGINAL] = Message("deployment.no_original_on_cluster")
            refusals[JobKind.RESTORE_DEPLOYMENT] = Message("deployment.no_original_on_cluster")
        return Capabilities(methods=(self.method,), refusals=refusals)

    def watch(self, access: Access, /) -> Watch:
        return Watch(access)

    def alive(self, access: Access, /) -> bool:
        with closing(self.watch(access)) as watch:
            return watch.alive()

    def facts(self, access: Access, /) -> Facts:
        with closing(self.watch(access)) as watch:
            return watch.facts()

    def test(self, access: Access, report: Callable[[], None], *, probe: bool) -> Tested:
        """Test the connection: see testing_connection.test()."""
        return testing_connection.test(access, report, probe=probe)

    def load(
        self, client: Client, blocks: Iterator[memoryview], report: Callable[[int], None], lacks: Lacks
    ) -> Contents:
        """Load a dump into an empty server: see load.load()."""
        return load.load(client, blocks, report, lacks=lacks)

    def restore(
        self,
        access: Access,
        blocks: Iterator[memoryview],
        expected: Callable[[], Contents],
        report: Callable[[int], None],
        *,
        tag: str,
        directory: Path,
        empty: bool = False,
    ) -> Contents:
        """Replace the data of a deployment with a dump: see exchange.restore(). Raises EngineError or OSError."""
        with connected(access, seconds=_LOAD_SECONDS) as client:
            return exchange.restore(
                client,
                blocks,
                expected,
                report,
                tag=tag,
                directory=directory,
                address=access.address,
                empty=empty,
            )

    def journaled(self, directory: Path, tag: str = "") -> bool:
        """Return whether restore(), with this tag if one is given, has left a journal there.

        Then settle() has to say how it ended. Raises EngineError if the journal is damaged, and OSError.
        """
        if not tag:
            return (directory / journal.NAME).exists()
        known = journal.read(directory)
        return known is not None and known.tag == tag

    def settle(self, access: Access, directory: Path) -> bool:
        """Finish or undo what restore() has left, and return which: see exchange.settle(). Raises EngineError."""
        if not exchange.unsettled(directory):
            return True
        with closing(self.watch(access)) as watch:
            # Find out at once that a deployment is down: others may be waiting for the caller.
            if not watch.alive():
                raise EngineError(watch.why)
        with connected(access, seconds=_SETTLE_SECONDS) as client:
            return exchange.settle(client, directory, address=access.address)

    def forget(self, directory: Path) -> None:
        """Remove the journal when the console's rows say how the restoration ended. Raises OSError."""
        exchange.forget(directory)

    def digests(self, access: Access) -> dict[Namespace, Digest]:
        """Read every document of a deployment: see digests.digests(). Raises EngineError."""
        with connected(access, seconds=_SETTLE_SECONDS) as client:
            return self.digests_at(client)

    def digests_at(self, client: Client) -> dict[Namespace, Digest]:
        """Read every document of a server. May raise the driver's errors."""
        return digests.digests(client, nothing)

    def digests_in(self, blocks: Iterator[memoryview]) -> dict[Namespace, Digest | None]:
        """Read every document of a dump: see digests.digests_in(). Raises EngineError."""
        return digests.digests_in(blocks)

    def restored_part(self, contents: Contents) -> Contents:
        """Return the part that load() makes collections of: neither the server's own ones nor users and roles."""
        parts = (
            Database(
                database.name,
                tuple(each for each in database.collections if is_loaded(Namespace(database.name, each.name))),
            )
            for database in contents.databases
        )
        return Contents(tuple(part for part in parts if part.collections))

    def backup(self, access: Access, waiting: Callable[[], None] = nothing, /) -> AbstractContextManager[Cut]:
        return dump(access, waiting)

    def made(self, engine: str) -> bool:
        return True

    def owns(self, member: str) -> bool:
        return bool(_MEMBER.fullmatch(member))
