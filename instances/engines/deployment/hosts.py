"""The hosts that the agent may connect to: those of a connection string, after DNS, and those that a server announces.

Link-local addresses and the metadata services of clouds are refused, because whoever may enter a connection string
could otherwise make the agent talk to services that only its own machine can reach. Loopback and private networks are
allowed, because that is where databases are.

This cannot be prevented: the driver looks every name up again when it connects, so a DNS server that answers
differently the second time is believed; and the driver says hello to members that a server announces before their
addresses are checked. It sends no credentials there.
"""

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import dns.exception
import dns.resolver
from pymongo.uri_parser import split_hosts

from console.text.messages import Message
from instances.engines.base import EngineError

Result = TypeVar("Result")
Host = tuple[str, int]
PLAIN = "mongodb://"
SRV = "mongodb+srv://"
# What clouds call the service that hands a machine its credentials, and its addresses outside the link-local networks.
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
_METADATA_ADDRESSES = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_DNS_SECONDS = 5.0


class NotAllowed(EngineError):
    """A connection string or a server names something that the console does not connect to."""


class Resolver(Protocol):
    """A way to look names up. Each method raises LookupError if the name does not exist or nothing answers."""

    def addresses(self, name: str) -> Iterable[str]:
        """Return the IP addresses of a host."""

    def services(self, name: str) -> Iterable[Host]:
        """Return the hosts and ports of SRV records."""

    def texts(self, name: str) -> Iterable[str]:
        """Return the TXT records; none if there are none."""


class SystemResolver:
    """The resolver of this machine."""

    def addresses(self, name: str) -> Iterable[str]:
        try:
            found = _within(_DNS_SECONDS, lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            raise LookupError(name) from error
        return {str(entry[4][0]) for entry in found}

    def services(self, name: str) -> Iterable[Host]:
        try:
            answer: Any = dns.resolver.resolve(name, "SRV", lifetime=_DNS_SECONDS)
        except (dns.exception.DNSException, OSError) as error:
            raise LookupError(name) from error
        return [(record.target.to_text(omit_final_dot=True), record.port) for record in answer]

    def texts(self, name: str) -> Iterable[str]:
        try:
            answer: Any = dns.resolver.resolve(name, "TXT", lifetime=_DNS_SECONDS)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise LookupError(name) from error
        return [b"".join(record.strings).decode(errors="replace") for record in answer]


SYSTEM = SystemResolver()


@dataclass(frozen=True)
class Seeds:
    """The members to connect to first, and the options that DNS adds to a `mongodb+srv://` address."""

    hosts: tuple[Host, ...]
    options: dict[str, str] = field(default_factory=dict)


def hosts_of(address: str) -> tuple[Host, ...]:
    """Return the hosts and ports of an address that parse() has made, without asking DNS."""
    names = address.removeprefix(PLAIN).removeprefix(SRV).partition("/")[0]
    return tuple((host, port or 27017) for host, port in split_hosts(names))


def seeds(address: str, resolver: Resolver = SYSTEM) -> Seeds:
    """Return the allowed members of an address that parse() has accepted.

    Raises NotAllowed for a host that may not be reached, and EngineError if DNS knows none of them.
    """
    found = _from_srv(address.removeprefix(SRV), resolver) if address.startswith(SRV) else Seeds(hosts_of(address))
    known = [require_allowed(name, resolver) for name, _port in found.hosts]
    if not any(known):
        raise EngineError(Message("deployment.name_unknown", name=", ".join(name for name, _port in found.hosts)))
    return found


def require_allowed(name: str, resolver: Resolver = SYSTEM) -> bool:
    """Return whether the host has an address. Raises NotAllowed if it may not be reached."""
    if name.rstrip(".").lower() in _METADATA_NAMES:
        raise NotAllowed(Message("deployment.metadata_refused", name=name))
    try:
        addresses = [name] if _is_address(name) else list(resolver.addresses(name))
    except LookupError:
        return False
    for text in addresses:
        _require_allowed_address(name, text)
    return True


def _require_allowed_address(name: str, text: str) -> None:
    address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    if address in _METADATA_ADDRESSES:
        raise NotAllowed(Message("deployment.metadata_refused", name=name))
    if address.is_link_local or address.is_unspecified or address.is_multicast or int(address) == 2**32 - 1:
        raise NotAllowed(Message("deployment.address_refused", name=name, address=address))


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _from_srv(rest: str, resolver: Resolver) -> Seeds:
    """Look up what a `mongodb+srv://` address stands for, by the rules of drivers.

    The members must be in the domain of the address, so that DNS alone cannot send credentials elsewhere.
    """
    name = rest.partition("/")[0].rstrip(".").lower()
    parts = name.split(".")
    domain = "." + ".".join(parts[1:] if len(parts) > 2 else parts)
    try:
        hosts = [(host.rstrip(".").lower(), port) for host, port in resolver.services(f"_mongodb._tcp.{name}")]
        texts = list(resolver.texts(name))
    except LookupError as error:
        raise EngineError(Message("deployment.srv_unknown", name=name)) from error
    if not hosts:
        raise EngineError(Message("deployment.srv_unknown", name=name))
    for host, _port in hosts:
        if not host.endswith(domain):
            raise NotAllowed(Message("deployment.srv_elsewhere", name=name, host=host))
    pairs = [pair.partition("=") for text in texts for pair in text.split("&") if pair]
    options = {key.lower(): value for key, _equals, value in pairs}
    if len(texts) > 1 or options.keys() - {"authsource", "replicaset", "loadbalanced"}:
        raise NotAllowed(Message("deployment.srv_options", name=name))
    return Seeds(tuple(hosts), options)


def _within(seconds: float, work: Callable[[], Result]) -> Result:
    """Run something that has no time limit of its own, in a thread that is left behind after `seconds`."""
    done: queue.SimpleQueue[Result | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put(work())
        except Exception as error:
            done.put(error)

    threading.Thread(target=run, name="resolver", daemon=True).start()
    try:
        result = done.get(timeout=seconds)
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(result, Exception):
        raise result
    return result
