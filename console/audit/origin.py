"""Where the request in hand comes from: known to whatever it causes, without being handed down to it."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True)
class Origin:
    address: str | None = None
    user_agent: str = ""


# Outside a request (commands, the agent) there is none.
_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin:
    return _origin.get() or Origin()


@contextmanager
def of_request(request: HttpRequest) -> Iterator[None]:
    token = _origin.set(Origin(address_of(request), request.headers.get("User-Agent", "")))
    try:
        yield
    finally:
        _origin.reset(token)


def address_of(request: HttpRequest) -> str | None:
    """The client's address: the connection's, or behind CONSOLE_PROXIES proxies what the outermost of them saw.

    Each proxy appends the address that it saw to X-Forwarded-For; what stands further left was written by the
    client itself and proves nothing.
    """
    proxies = settings.CONSOLE_PROXIES
    if proxies > 0:
        seen = request.headers.get("X-Forwarded-For", "").split(",")
        if len(seen) >= proxies and (address := _parsed(seen[-proxies])):
            return address
    return _parsed(request.META.get("REMOTE_ADDR", ""))


def _parsed(text: str) -> str | None:
    try:
        # Without the interface of a link-local address, which no other machine would understand.
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
