"""The database engines behind the instances. The rest of the console knows them only through base.py."""

from typing import Any, cast

from instances.engines.base import Access, Engine, HostedEngine, Server
from instances.engines.deployment.engine import Deployment
from instances.engines.embedded.engine import Embedded

ENGINES: dict[str, Engine[Any]] = {"embedded": Embedded(), "deployment": Deployment()}


def embedded() -> HostedEngine:
    """Return the engine whose servers run on the agent's own host."""
    return cast(HostedEngine, ENGINES["embedded"])


def deployment() -> Deployment:
    """Return the engine that reaches existing deployments."""
    return cast(Deployment, ENGINES["deployment"])


def of_place(place: Server | Access) -> Engine[Any]:
    """Return the engine of the server at this place."""
    return deployment() if isinstance(place, Access) else embedded()


def of_kind(engine_kind: str) -> Engine[Any]:
    """Return the engine of the instances whose engine_kind is this."""
    return ENGINES[engine_kind]


def of_method(method: str) -> Engine[Any] | None:
    """Return the engine with this backup method; None if there is none."""
    return next((engine for engine in ENGINES.values() if engine.method == method), None)
