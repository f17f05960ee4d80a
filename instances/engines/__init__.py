"""The database engines behind the instances. The rest of the console knows them only through base.py."""

from instances.engines.base import HostedEngine
from instances.engines.embedded.engine import Embedded

ENGINES: dict[str, HostedEngine] = {"embedded": Embedded()}


def embedded() -> HostedEngine:
    """Return the engine whose servers run on the agent's own host."""
    return ENGINES["embedded"]
