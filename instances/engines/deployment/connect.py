"""The driver that reaches a deployment, made from an Access."""

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pymongo
from bson.codec_options import CodecOptions
from pymongo.database import Database
from pymongo.errors import InvalidName, PyMongoError
from pymongo.server_description import ServerDescription

from console.text.messages import Message
from instances.engines.base import Access, Client, EngineError
from instances.engines.deployment import hosts
from instances.engines.deployment.explain import explain, explained
from instances.engines.deployment.uri import options_of

APPLICATION = "console"
X509 = "MONGODB-X509"
# Without any password, OpenSSL would ask for that of an encrypted key on the terminal.
NEVER_ASK = " "
# The longest that one connection, or the choice of a member, may take.
_CONNECT_SECONDS = 30.0
_CLOSE_SECONDS = 3.0


@contextmanager
def connected(
    access: Access, *, seconds: float = 30.0, pool: int = 1, resolver: hosts.Resolver = hosts.SYSTEM, **options: Any
) -> Iterator[Client]:
    """Yield a driver with at most `pool` connections to each member. It connects when it is first used.

    The context turns a driver's error into an EngineError, also if an answer takes longer than `seconds`. `options` are
    those of pymongo, and come first.
    """
    client = driver(access, seconds=seconds, pool=pool, resolver=resolver, **options)
    try:
        with explained(access, client):
            yield client
    finally:
        close(client)


def close(client: Client) -> None:
    """Close a driver without waiting long for a server that is gone: closing ends the sessions on it."""
    with pymongo.timeout(_CLOSE_SECONDS):
        client.close()


def driver(
    access: Access, *, seconds: float, pool: int = 1, resolver: hosts.Resolver = hosts.SYSTEM, **options: Any
) -> Client:
    """Return a driver; the caller closes it. Raises EngineError if the address or a certificate cannot be used."""
    seeds = hosts.seeds(access.address, resolver)
    limit = _Limits(seconds, dict(options_of(access.address)))
    with ExitStack() as files:
        try:
            return pymongo.MongoClient(
                [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in seeds.hosts],
                appname=APPLICATION,
                maxPoolSize=pool,
                retryReads=True,
                connectTimeoutMS=limit.milliseconds("connecttimeoutms", _CONNECT_SECONDS),
                serverSelectionTimeoutMS=limit.milliseconds("serverselectiontimeoutms", _CONNECT_SECONDS),
                socketTimeoutMS=limit.milliseconds("sockettimeoutms", seconds),
                waitQueueTimeoutMS=int(seconds * 1000),
                # Streaming the server's state would take an additional connection to each member.
                serverMonitoringMode="poll",
                server_selector=_AllowedMembers(resolver),
                # Deployments may have dates that Python has not.
                datetime_conversion="DATETIME_AUTO",
                **(_from_address(access, seeds.options) | _credentials(access, seeds.options) | _tls(access, files)),
                **options,
            )
        except (PyMongoError, ssl.SSLError, ValueError) as error:
            raise EngineError(_unusable(error, access)) from None


def database_of(
    client: Client, name: str, codec: "CodecOptions[dict[str, Any]] | None" = None
) -> Database[dict[str, Any]]:
    """Return the database, also if only other drivers or servers accept its name."""
    try:
        return client.get_database(name, codec)
    except InvalidName:
        database = client.get_database("any", codec)
        database._name = name
        return database


class _Limits:
    """The time limits: those of the address, unless the caller's are shorter."""

    def __init__(self, seconds: float, options: Mapping[str, str]) -> None:
        self._seconds, self._options = seconds, options

    def milliseconds(self, option: str, usual: float) -> int:
        said = int(self._options.get(option, 0)) / 1000
        return max(1, int(min(said or usual, self._seconds) * 1000))


class _AllowedMembers:
    """Raises NotAllowed before anything is sent to a member that the console does not connect to."""

    def __init__(self, resolver: hosts.Resolver) -> None:
        self._resolver = resolver
        self._checked: set[str] = set()

    def __call__(self, members: Sequence[ServerDescription]) -> Sequence[ServerDescription]:
        for name in {str(member.address[0]) for member in members} - self._checked:
            hosts.require_allowed(name, self._resolver)
            self._checked.add(name)
        return members


def _from_address(access: Access, from_dns: Mapping[str, str]) -> dict[str, Any]:
    said = options_of(access.address)
    named = {**from_dns, **dict(said)}
    options: dict[str, Any] = {"readPreference": access.reads_from}
    if "replicaset" in named:
        options["replicaSet"] = named["replicaset"]
    for key, name in (("directconnection", "directConnection"), ("loadbalanced", "loadBalanced")):
        if named.get(key) == "true":
            options[name] = True
    if "compressors" in named:
        options["compressors"] = named["compressors"]
    # Neither makes sense for the primary.
    if access.reads_from != "primary":
        tags = [value for key, value in said if key == "readpreferencetags"]
        options |= {"readPreferenceTags": tags} if tags else {}
        if "maxstalenessseconds" in named:
            options["maxStalenessSeconds"] = int(named["maxstalenessseconds"])
    return options


def _credentials(access: Access, from_dns: Mapping[str, str]) -> dict[str, Any]:
    if access.mechanism == X509:
        user = {"username": access.user} if access.user else {}
        return {"authMechanism": X509, "authSource": "$external", **user}
    if not access.user:
        return {}
    mechanism = {"authMechanism": access.mechanism} if access.mechanism else {}
    source = access.auth_source or from_dns.get("authsource") or "admin"
    return {"username": access.user, "password": access.password, "authSource": source, **mechanism}


def _tls(access: Access, files: ExitStack) -> dict[str, Any]:
    """Return the options for TLS. The driver reads certificates from files, and only while it is made.

    They are files in memory that only this process has, so a key is never on a disk.
    """
    if not access.tls:
        return {"tls": False}
    options: dict[str, Any] = {"tls": True, "tlsAllowInvalidCertificates": not access.verify}
    if access.ca:
        options["tlsCAFile"] = files.enter_context(in_memory(access.ca))
    if access.certificate:
        options["tlsCertificateKeyFilePassword"] = NEVER_ASK
        options["tlsCertificateKeyFile"] = files.enter_context(in_memory(access.certificate))
    return options


@contextmanager
def in_memory(text: str) -> Iterator[str]:
    """Yield the path of a file without a place on any disk."""
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "w", closefd=False) as file:
            file.write(text)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _unusable(error: Exception, access: Access) -> Message:
    """Return the sentence for an error of the driver while it is made."""
    if isinstance(error, ssl.SSLError) or ("key" in str(error).lower() and access.certificate):
        return Message("deployment.certificate_unreadable")
    return explain(error, access)
