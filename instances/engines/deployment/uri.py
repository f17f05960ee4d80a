"""Connection strings: what a person pastes, taken apart into the fields of an Access.

Only options on a list are accepted. Everything that would make the agent read a file, use a proxy or ask a cloud for
credentials is refused, and so is everything that a field of its own says better. No message shows the text itself,
because a password in it may be where nothing expects one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, unquote_plus

from pymongo.errors import PyMongoError
from pymongo.uri_parser import split_hosts

from console.text.messages import Message
from instances.engines.deployment.hosts import PLAIN, SRV, SYSTEM, NotAllowed, Resolver, seeds

_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?|[0-9a-f:]+(%[a-z0-9._-]+)?|[0-9a-f:]+:[0-9.]+", re.ASCII)
_TRUTHS = {"true": True, "false": False}
_MECHANISMS = frozenset({"SCRAM-SHA-256", "SCRAM-SHA-1", "MONGODB-X509"})


def _spelled(names: str) -> Mapping[str, str]:
    """Return the names by their spelling in lower case: options are spelled either way."""
    return {name.lower(): name for name in names.split()}


# The options that stay in an address.
_KEPT = _spelled(
    "replicaSet directConnection loadBalanced readPreferenceTags maxStalenessSeconds compressors "
    "connectTimeoutMS serverSelectionTimeoutMS socketTimeoutMS"
)
# Options for other programs that work with the deployment. The console decides these itself.
_IGNORED = _spelled(
    "appName w wtimeoutMS wtimeout journal j retryWrites retryReads readConcernLevel maxPoolSize minPoolSize "
    "maxIdleTimeMS maxConnecting waitQueueTimeoutMS heartbeatFrequencyMS localThresholdMS serverMonitoringMode "
    "uuidRepresentation timeoutMS zlibCompressionLevel srvMaxHosts"
)
_READ_PREFERENCES = _spelled("primary primaryPreferred secondary secondaryPreferred nearest")
_FIELDS = _spelled("tls ssl authSource authMechanism readPreference")
_FILES = _spelled(
    "tlsCAFile tlsCertificateKeyFile tlsCertificateKeyFilePassword tlsCRLFile sslCAFile ssl_ca_certs ssl_certfile "
    "ssl_keyfile sslCertificateAuthorityFile sslClientCertificateKeyFile sslClientCertificateKeyPassword"
)
_UNVERIFIED = _spelled(
    "tlsInsecure tlsAllowInvalidCertificates tlsAllowInvalidHostnames sslAllowInvalidCertificates "
    "sslAllowInvalidHostnames tlsDisableCertificateRevocationCheck tlsDisableOCSPEndpointCheck"
)
_PROXY = _spelled("proxyHost proxyPort proxyUsername proxyPassword")
_OTHERS = _spelled("authMechanismProperties gssapiServiceName srvServiceName srvAllowedHostsSuffix")
_MILLISECONDS = range(100, 600_001)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a connection string says. A field is empty, and `tls` is None, if the string says nothing about it.

    `address` is what Access calls so: the rest of the string, in one spelling.
    """

    address: str
    user: str = ""
    password: str = field(default="", repr=False)
    auth_source: str = ""
    mechanism: str = ""
    tls: bool | None = None
    reads_from: str = ""


def parse(text: str) -> Parsed:
    """Take a connection string apart. Raises NotAllowed with the reason if the console does not accept it."""
    text = text.strip()
    scheme = next((each for each in (PLAIN, SRV) if text.lower().startswith(each)), None)
    if scheme is None:
        raise NotAllowed(Message("deployment.scheme"))
    rest, _question, query = text[len(scheme) :].partition("?")
    authority, _slash, database = rest.partition("/")
    userinfo, at, names = authority.rpartition("@")
    user, password = _credentials(userinfo) if at else ("", "")
    if "@" in database:
        # The slash is in a password, which makes the hosts look like others.
        raise NotAllowed(Message("deployment.userinfo"))
    options = _options(query)
    hosts = _hosts(names, srv=scheme == SRV)
    kept = _kept(options, hosts, srv=scheme == SRV)
    mechanism = options.get("authmechanism", "").upper()
    if mechanism not in _MECHANISMS | {"", "DEFAULT"}:
        raise NotAllowed(Message("deployment.mechanism_refused"))
    return Parsed(
        address=_written(scheme, hosts, kept),
        user=user,
        password=password,
        auth_source=_auth_source(options, database),
        mechanism="" if mechanism == "DEFAULT" else mechanism,
        tls=_tls(options, srv=scheme == SRV),
        reads_from=_reads_from(options),
    )


def options_of(address: str) -> list[tuple[str, str]]:
    """Return the options of an address that parse() has made, with their names in lower case."""
    query = address.partition("?")[2]
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return [(key.lower(), unquote(value)) for key, _equals, value in pairs]


def require_allowed_hosts(address: str, resolver: Resolver = SYSTEM) -> None:
    """Look up the hosts of an address that parse() has made.

    Raises NotAllowed for a host that may not be reached, and EngineError if DNS knows none of them.
    """
    seeds(address, resolver)


def _credentials(userinfo: str) -> tuple[str, str]:
    user, _colon, password = userinfo.partition(":")
    badly_escaped = re.search(r"%(?![0-9A-Fa-f]{2})", userinfo)
    if not user or ":" in password or "@" in userinfo or badly_escaped:
        raise NotAllowed(Message("deployment.userinfo"))
    return unquote_plus(user), unquote_plus(password)


def _options(query: str) -> dict[str, str]:
    """Return the options by their names in lower case. Several readPreferenceTags are joined by "&"."""
    options: dict[str, str] = {}
    for pair in re.split("[&;]", query) if query else ():
        key, equals, value = pair.partition("=")
        key = key.lower()
        if not pair:
            continue
        _require_known(key)
        if not equals:
            raise NotAllowed(Message("deployment.option_unknown"))
        value = unquote_plus(value)
        if key == "readpreferencetags" and key in options:
            value = f"{options[key]}&{value}"
        elif options.get(key, value) != value:
            raise NotAllowed(Message("deployment.option_twice", name=key))
        options[key] = value
    return options


def _require_known(key: str) -> None:
    for names, code in (
        (_FILES, "deployment.file_refused"),
        (_UNVERIFIED, "deployment.unverified_refused"),
        (_PROXY, "deployment.proxy_refused"),
        (_OTHERS, "deployment.option_refused"),
    ):
        if key in names:
            raise NotAllowed(Message(code, name=names[key]))
    if key not in {*_KEPT, *_IGNORED, *_FIELDS}:
        raise NotAllowed(Message("deployment.option_unknown"))


def _hosts(names: str, *, srv: bool) -> list[str]:
    """Return the hosts with their ports, in one spelling."""
    if re.search(r"%2f|\.sock(,|$)", names, re.IGNORECASE):
        raise NotAllowed(Message("deployment.socket_refused"))
    try:
        found = dict.fromkeys(split_hosts(names, default_port=None if srv else 27017))
    except (PyMongoError, ValueError, IndexError) as error:
        raise NotAllowed(Message("deployment.hosts_unreadable")) from error
    if not all(_HOST.fullmatch(host) for host, _port in found):
        raise NotAllowed(Message("deployment.hosts_unreadable"))
    if srv and (len(found) != 1 or any(port for _host, port in found) or ":" in names):
        raise NotAllowed(Message("deployment.srv_one_name"))
    return [_host_and_port(host, port) for host, port in found]


def _host_and_port(host: str, port: int | None) -> str:
    host = f"[{host.replace('%', '%25')}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def _kept(options: Mapping[str, str], hosts: list[str], *, srv: bool) -> dict[str, str]:
    kept = {key: value for key, value in options.items() if key in _KEPT and value}
    for key in ("directconnection", "loadbalanced"):
        if key in kept:
            truth = _truth(_KEPT[key], kept.pop(key))
            kept |= {key: "true"} if truth else {}
    one_member = {"directconnection", "loadbalanced"} & kept.keys()
    if one_member and (len(hosts) > 1 or len(one_member) > 1):
        raise NotAllowed(Message("deployment.one_member"))
    if (srv and "directconnection" in kept) or ("loadbalanced" in kept and "replicaset" in kept):
        raise NotAllowed(Message("deployment.one_member"))
    for key in ("connecttimeoutms", "serverselectiontimeoutms", "sockettimeoutms"):
        # 0 means no limit. The console always has one.
        if key in kept and kept[key] != "0" and _number(_KEPT[key], kept[key]) not in _MILLISECONDS:
            raise NotAllowed(Message("deployment.timeout_out_of_range", name=_KEPT[key]))
    if "maxstalenessseconds" in kept and not 90 <= _number("maxStalenessSeconds", kept["maxstalenessseconds"]) < 2**31:
        raise NotAllowed(Message("deployment.option_value", name="maxStalenessSeconds"))
    if "compressors" in kept:
        # The others need packages that the console does not have.
        kept.pop("compressors")
        kept |= {"compressors": "zlib"} if "zlib" in options["compressors"].lower().split(",") else {}
    for tags in kept.get("readpreferencetags", "").split("&"):
        if any(":" not in tag for tag in tags.split(",") if tag):
            raise NotAllowed(Message("deployment.option_value", name="readPreferenceTags"))
    return kept


def _written(scheme: str, hosts: list[str], kept: Mapping[str, str]) -> str:
    pairs = [
        f"{_KEPT[key]}={quote(part, safe=':,')}"
        for key, value in sorted(kept.items())
        for part in (value.split("&") if key == "readpreferencetags" else [value])
    ]
    return f"{scheme}{','.join(hosts)}/" + (f"?{'&'.join(pairs)}" if pairs else "")


def _auth_source(options: Mapping[str, str], database: str) -> str:
    source = options.get("authsource") or unquote_plus(database).partition(".")[0]
    if len(source) > 63 or re.search(r'[/\\. "\0]', source):
        raise NotAllowed(Message("deployment.option_value", name="authSource"))
    return source


def _tls(options: Mapping[str, str], *, srv: bool) -> bool | None:
    said = {_truth(key, options[key]) for key in ("tls", "ssl") if key in options}
    if len(said) > 1:
        raise NotAllowed(Message("deployment.option_twice", name="tls"))
    # Addresses that DNS completes use TLS unless they say otherwise.
    return said.pop() if said else (True if srv else None)


def _reads_from(options: Mapping[str, str]) -> str:
    said = options.get("readpreference", "")
    if said and said.lower() not in _READ_PREFERENCES:
        raise NotAllowed(Message("deployment.option_value", name="readPreference"))
    return _READ_PREFERENCES.get(said.lower(), "")


def _truth(name: str, value: str) -> bool:
    if value.lower() not in _TRUTHS:
        raise NotAllowed(Message("deployment.option_value", name=name))
    return _TRUTHS[value.lower()]


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,10}", value, re.ASCII):
        raise NotAllowed(Message("deployment.option_value", name=name))
    return int(value)
