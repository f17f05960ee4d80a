"""The database engines behind the instances. Pages, services and archives know them by base.py alone."""

from instances.engines.base import Engine
from instances.engines.embedded.engine import Embedded

ENGINES: dict[str, Engine] = {"embedded": Embedded()}


def embedded() -> Engine:
    """Return the engine that runs on the agent's own host."""
    return ENGINES["embedded"]
