"""Test connection: what a deployment is, whether backups and restores can work there, and what to do if not."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pymongo
from pymongo.errors import ConnectionFailure, NotPrimaryError, OperationFailure, PyMongoError

from console.text.messages import Count, Message, Size
from instances.engines.base import Access, Client, EngineError, Facts
from instances.engines.deployment import facts, hosts, moment, privileges, tls
from instances.engines.deployment.connect import X509, connected
from instances.engines.deployment.explain import explain, explain_member, is_unauthorized

OK, WARN, BAD = "ok", "warn", "bad"
# The first version whose snapshot reads and commands the console relies on: 5.0.
OLDEST_WIRE_VERSION = 13
# In seconds: the whole test but for dropping what it wrote, reaching a member, and each question why none was reached.
TOTAL, REACHING, ASKING = 12.5, 5.0, 2.0
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Finding:
    """One sentence of a test, and how good that is: OK, WARN or BAD."""

    tone: str
    message: Message


@dataclass(frozen=True)
class Tested:
    """What a test has found out. `ways` are those of moment.py that are proved, best first.

    `certificate_expires` is the end of the server's or the client's certificate, whichever stops the agent first (UTC).
    """

    findings: list[Finding]
    facts: Facts
    instance_type: str
    ways: tuple[str, ...]
    certificate_expires: datetime | None


def test(
    access: Access,
    report: Callable[[], None],
    *,
    probe: bool = False,
    resolver: hosts.Resolver = hosts.SYSTEM,
    now: datetime | None = None,
) -> Tested:
    """Test the connection within TOTAL seconds; `report` is called between steps, and may raise to give up.

    With `probe` it writes to scratch collections to prove that backups can be of one moment. Raises EngineError if the
    deployment cannot be reached, refuses the user, or is too old.
    """
    deadline = time.monotonic() + TOTAL
    hello = _reach(access, report, resolver)
    report()
    with (
        connected(access, seconds=TOTAL, pool=2, resolver=resolver) as client,
        pymongo.timeout(max(0.1, deadline - time.monotonic())),
    ):
        found = _Findings(client, access, hello, now or datetime.now(UTC))
        for step in (found.server, found.encryption, found.rights, found.size):
            step()
            report()
        ways = found.consistency(probe)
        _topology, instance_type = facts.topology_of(hello)
        return Tested(found.findings, found.facts, instance_type, ways, found.certificate_expires)


class _Findings:
    """The findings about a deployment that was reached. Its methods may raise the driver's errors."""

    def __init__(self, client: Client, access: Access, hello: dict[str, Any], now: datetime) -> None:
        self._client, self._access, self._hello, self._now = client, access, hello, now
        self.facts = facts.facts(client)
        self._host = facts.reached(client) or hosts.hosts_of(access.address)[0]
        self.member = "{}:{}".format(*self._host)
        self.findings: list[Finding] = []
        self.certificate_expires: datetime | None = None

    def _say(self, tone: str, code: str, **params: Any) -> None:
        self.findings.append(Finding(tone, Message(code, **params)))

    def server(self) -> None:
        engine = f"{self.facts.engine} {self.facts.engine_version}"
        self._say(OK, "deployment.found_server", member=self.member, engine=engine)
        if self._hello.get("msg") == "isdbgrid":
            self._say(OK, "deployment.found_sharded")
        elif name := self._hello.get("setName"):
            members = [*self._hello.get("hosts", ()), *self._hello.get("passives", ())]
            self._say(OK, "deployment.found_set", name=name, count=len(members))
            if (
                not self._hello.get("isWritablePrimary")
                and self._client.topology_description.topology_type_name == "Single"
            ):
                self._say(WARN, "deployment.found_secondary", member=self.member)
        else:
            self._say(OK, "deployment.found_standalone")
        for (host, port), each in self._client.topology_description.server_descriptions().items():
            if each.error:
                why = explain_member(each.error, self._access, f"{host}:{port}")
                self._say(WARN, "deployment.found_member_down", member=f"{host}:{port}", why=why)

    def encryption(self) -> None:
        if not self._access.tls:
            if not all(_is_loopback(host) for host, _port in hosts.hosts_of(self._access.address)):
                self._say(WARN, "deployment.found_unencrypted")
            return
        if not self._access.verify:
            self._say(WARN, "deployment.found_unverified")
        server = _server_expires(self._host, self._access)
        self._expiry(
            server,
            valid="deployment.found_server_certificate_valid",
            soon="deployment.found_server_certificate_expiring",
            over="deployment.found_server_certificate_expired",
        )
        self._expiry(
            tls.client_expires(self._access),
            valid="deployment.found_client_certificate_valid",
            soon="deployment.found_client_certificate_expiring",
            over="deployment.found_client_certificate_expired",
        )
        self.certificate_expires = tls.connection_ends(server, self._access)

    def _expiry(self, expires: datetime | None, *, valid: str, soon: str, over: str) -> None:
        if expires is None:
            return
        left = expires - self._now
        tone, code = (BAD, over) if left < timedelta(0) else (WARN, soon) if left < SOON else (OK, valid)
        self._say(tone, code, date=f"{expires:%Y-%m-%d}")

    def rights(self) -> None:
        if not self._access.user and self._access.mechanism != X509:
            self._say(WARN, "deployment.found_no_user")
            return
        missing = privileges.missing(self._client, with_users=self._access.with_users)
        if missing.backup:
            self._say(BAD, "deployment.found_backup_missing", names="; ".join(missing.backup))
        else:
            self._say(OK, "deployment.found_backup_allowed")
        if missing.restore:
            self._say(WARN, "deployment.found_restore_missing", names="; ".join(missing.restore))

    def size(self) -> None:
        size = Size(self.facts.storage_bytes)
        self._say(OK, "deployment.found_size", documents=Count(self.facts.documents), size=size)

    def consistency(self, probe: bool) -> tuple[str, ...]:
        """Prove the ways of reading at one moment, and say what backups can show."""
        if not probe:
            self._say(WARN, "deployment.found_not_probed")
            return ()
        try:
            ways = tuple(way for way in moment.WAYS if moment.prove(self._client, way))
        except PyMongoError as error:
            if is_unauthorized(error):
                self._say(WARN, "deployment.found_probe_unauthorized", database=moment.PROBE)
            elif error.timeout:
                # Without enough members, no majority confirms a write. Reading is possible all the same.
                self._say(WARN, "deployment.found_probe_unconfirmed")
            elif isinstance(error, ConnectionFailure) and not isinstance(error, NotPrimaryError):
                raise
            else:
                why = explain(error, self._access, self._client)
                self._say(WARN, "deployment.found_probe_failed", why=why)
            return ()
        if moment.SNAPSHOT in ways:
            self._say(
                OK, "deployment.found_snapshot", seconds=self._parameter("minSnapshotHistoryWindowInSeconds", 300)
            )
        elif ways:
            self._say(
                WARN, "deployment.found_transaction", seconds=self._parameter("transactionLifetimeLimitSeconds", 60)
            )
        else:
            self._say(WARN, "deployment.found_no_way")
        return ways

    def _parameter(self, name: str, usual: int) -> int:
        """Return a parameter of the server; its default if the user may not read it."""
        options: dict[str, Any] = {name: 1}
        try:
            return int(facts.ask(self._client, "getParameter", **options)[name])
        except (OperationFailure, KeyError, TypeError, ValueError):
            return usual


# --- Reaching, and finding out why not -----------------------------------------------------------------------


def _reach(access: Access, report: Callable[[], None], resolver: hosts.Resolver) -> dict[str, Any]:
    """Return the answer of a member to hello, signed in. Raises EngineError with the most exact reason."""
    try:
        with connected(access, seconds=REACHING, resolver=resolver) as client, pymongo.timeout(REACHING):
            hello = facts.ask(client, "hello")
            if int(hello.get("maxWireVersion", 0)) < OLDEST_WIRE_VERSION:
                version = facts.ask(client, "buildInfo")["version"]
                raise EngineError(Message("deployment.version_too_old", version=version))
            return hello
    except EngineError as error:
        for better in _better_reasons(error, access, resolver):
            report()
            if better:
                raise EngineError(better) from None
        raise


def _better_reasons(error: EngineError, access: Access, resolver: hosts.Resolver) -> Iterator[Message | None]:
    """Yield more exact reasons for a failure, each after asking the server something else; None if that is not it."""
    code = getattr(error.args[0], "code", "") if error.args else ""
    host = hosts.hosts_of(access.address)[0]
    if code == "deployment.sign_in_rejected":
        if access.mechanism and _works(replace(access, mechanism=""), resolver):
            yield Message("deployment.mechanism_unavailable", mechanism=access.mechanism)
        if access.auth_source not in {"", "admin"} and _works(replace(access, auth_source="admin"), resolver):
            yield Message("deployment.other_auth_source", user=access.user, source=access.auth_source)
    elif code in {"deployment.slow", "deployment.unreachable", "deployment.handshake_ended"}:
        if not access.tls and _server_expires(host, access):
            yield Message("deployment.tls_needed", member="{}:{}".format(*host))
        plain = Access(address=access.address)
        if access.tls and _works(plain, resolver):
            yield Message("deployment.no_tls", member="{}:{}".format(*host))
    yield None


def _works(access: Access, resolver: hosts.Resolver) -> bool:
    try:
        with connected(access, seconds=ASKING, resolver=resolver) as client, pymongo.timeout(ASKING):
            facts.ask(client, "hello")
    except EngineError:
        return False
    return True


def _server_expires(host: hosts.Host, access: Access) -> datetime | None:
    try:
        return tls.server_expires(host, access, ASKING)
    except OSError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
