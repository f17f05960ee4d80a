"""The engine for existing deployments, as the rest of the console knows it."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, closing

from console.text.messages import Message
from instances.choices import InstanceType, JobKind
from instances.engines import base
from instances.engines.base import Access, Capabilities, Cut, Engine, Facts, nothing
from instances.engines.deployment import testing_connection
from instances.engines.deployment.facts import Watch
from instances.engines.deployment.testing_connection import Tested

# Any server that speaks the protocol can be backed up, whatever it calls itself.
_MEMBER = re.compile(r"dump/\d{8}", re.ASCII)


class Deployment(Engine[Access]):
    method = "Logical"

    def capabilities(self, instance_type: str) -> Capabilities:
        refusals: dict[str, str] = {
            JobKind.RESTART: Message("deployment.no_restart"),
            JobKind.RESET_PASSWORD: Message("deployment.no_reset_password"),
        }
        if instance_type == InstanceType.CLUSTER:
            refusals[JobKind.RESTORE_ORIGINAL] = Message("deployment.no_original_on_cluster")
        return Capabilities(methods=(self.method,), refusals=refusals)

    def watch(self, access: Access, /) -> base.Watch:
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

    def backup(self, access: Access, waiting: Callable[[], None] = nothing, /) -> AbstractContextManager[Cut]:
        raise NotImplementedError

    def made(self, engine: str) -> bool:
        return True

    def owns(self, member: str) -> bool:
        return bool(_MEMBER.fullmatch(member))
