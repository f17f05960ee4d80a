"""The address and browser of the current request, available to all code that it runs without being passed down."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from console.text.visible import visible


@dataclass(frozen=True)
class Origin:
    address: str | None = None
    user_agent: str = ""


# None outside a request: in commands and in the agent.
_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin:
    return _origin.get() or Origin()


@contextmanager
def of_request(request: HttpRequest) -> Iterator[None]:
    token = _origin.set(Origin(address_of(request), visible(request.headers.get("User-Agent", ""))))
    try:
        yield
    finally:
        _origin.reset(token)


def address_of(request: HttpRequest) -> str | None:
    """Return the client's address: the connection's, or the one that the outermost of CONSOLE_PROXIES proxies saw.

    Each proxy appends the address that it saw to X-Forwarded-For. The client can forge everything further left.
    """
    proxies = settings.CONSOLE_PROXIES
    if proxies > 0:
        seen = request.headers.get("X-Forwarded-For", "").split(",")
        if len(seen) >= proxies and (address := _parsed(seen[-proxies])):
            return address
    return _parsed(request.META.get("REMOTE_ADDR", ""))


def _parsed(text: str) -> str | None:
    try:
        # Drop the interface of a link-local address, which means nothing on other machines.
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
