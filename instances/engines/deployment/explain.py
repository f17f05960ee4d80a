"""Why a deployment could not be used, as a sentence to act on that never contains a secret."""

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import quote, quote_plus

from bson.errors import BSONError
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidName,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from console.text.messages import Message
from instances.engines.base import Access, Client, EngineError
from instances.engines.deployment.hosts import SRV, Host, hosts_of

HIDDEN = "***"
_USERINFO = re.compile(r"(mongodb(?:\+srv)?://)[^\s/]*@")
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# What OpenSSL's texts say, and the first that fits.
_TLS_FAILURES = (
    ("certificate has expired", "deployment.certificate_expired"),
    ("certificate is not yet valid", "deployment.certificate_not_yet_valid"),
    ("mismatch", "deployment.certificate_other_name"),
    ("CERTIFICATE_VERIFY_FAILED", "deployment.certificate_untrusted"),
    ("WRONG_VERSION_NUMBER", "deployment.no_tls"),
    ("RECORD_LAYER_FAILURE", "deployment.no_tls"),
    ("[SSL: ", "deployment.handshake_ended"),
    ("EOF occurred in violation of protocol", "deployment.handshake_ended"),
    ("SSL handshake failed", "deployment.handshake_ended"),
)
# In characters: what is shown of a server's text.
_LONGEST = 400
# The numbers of MongoDB.
_AUTHENTICATION_FAILED, _UNAUTHORIZED = 18, 13
# Atlas has one number for all that it refuses.
_ATLAS = 8000
_MECHANISM_UNAVAILABLE = 334
_NOT_PRIMARY = frozenset({10107, 13435, 10058})
_RECOVERING = frozenset({11600, 11602, 13436, 189, 91})
_TIMED_OUT = frozenset({50, 262})
_CURSOR_GONE = frozenset({43, 237})
_INTERNAL_ERROR, _OUT_OF_DISK_SPACE = 1, 14031
_SNAPSHOT_TOO_OLD, _TRANSACTION_ENDED = 239, frozenset({251, 290})
# Errors that say nothing about what was asked for: another attempt may succeed.
PASSING = _NOT_PRIMARY | _RECOVERING | _TIMED_OUT | _CURSOR_GONE | _TRANSACTION_ENDED | {_SNAPSHOT_TOO_OLD, 11601}


def redact(text: str, access: Access | None = None) -> str:
    """Return the text without the deployment's password and keys, and without what stands before @ in an address."""
    for secret in _spellings(access.password) if access and access.password else ():
        text = text.replace(secret, HIDDEN)
    return _KEY.sub(HIDDEN, _USERINFO.sub(rf"\1{HIDDEN}@", text))


def _spellings(secret: str) -> Sequence[str]:
    """Return how a secret may be written in an error, the longest first."""
    escaped = secret.encode("unicode_escape").decode()
    spellings = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1], escaped}
    return sorted(spellings, key=len, reverse=True)


@contextmanager
def explained(access: Access, client: Client | None = None) -> Iterator[None]:
    """Turn a driver's error into an EngineError with a sentence for people.

    The EngineError does not have the driver's error as its cause, because tracebacks would show the text of that.
    """
    try:
        yield
    except (PyMongoError, BSONError, ssl.SSLError) as error:
        raise EngineError(explain(error, access, client)) from None


def explain(error: Exception, access: Access, client: Client | None = None) -> Message:
    """Return the sentence for an error of the driver. `client` knows why each member could not be reached."""
    if isinstance(error, OperationFailure | NotPrimaryError):
        return _refused(error, access)
    if isinstance(error, ServerSelectionTimeoutError):
        return _no_member(error, access, client)
    if isinstance(error, InvalidName):
        return Message("server.foreign_name", why=redact(str(error), access))
    if isinstance(error, ConfigurationError):
        return _unusable(error, access)
    if isinstance(error, ConnectionFailure | ssl.SSLError):
        return _unreachable(error, access, "")
    return Message("deployment.failed", why=_sentence(str(error), access))


def is_unauthorized(error: PyMongoError) -> bool:
    """Return whether the user lacks the privilege for what it asked."""
    details: Mapping[str, Any] = getattr(error, "details", None) or {}
    text = str(details.get("errmsg", ""))
    return details.get("code") == _UNAUTHORIZED or (details.get("code") == _ATLAS and "not allowed" in text)


def _refused(error: OperationFailure | NotPrimaryError, access: Access) -> Message:
    details: Mapping[str, Any] = cast(Any, error.details) or {}
    # The driver's own text of an error of writes has the documents.
    details = next(iter(details.get("writeErrors") or details.get("writeConcernErrors") or ()), details)
    code = int(details.get("code", 0))
    text = str(details.get("errmsg") or str(error).partition(", full error")[0])
    is_sign_in = code == _AUTHENTICATION_FAILED or (code == _ATLAS and "bad auth" in text)
    if code == _MECHANISM_UNAVAILABLE or ("mechanism" in text.lower() and code in {2, 18}):
        return Message("deployment.mechanism_unavailable", mechanism=access.mechanism or "SCRAM")
    if is_sign_in and access.mechanism == "MONGODB-X509":
        return Message("deployment.x509_rejected", why=_sentence(text, access))
    if is_sign_in:
        return Message("deployment.sign_in_rejected", user=access.user, source=access.auth_source or "admin")
    if is_unauthorized(error) and not access.user and not access.certificate:
        return Message("deployment.sign_in_needed")
    if is_unauthorized(error):
        return Message("deployment.unauthorized", user=access.user, why=_sentence(text, access))
    if code in _NOT_PRIMARY:
        return Message("deployment.not_primary")
    if code in _RECOVERING:
        return Message("deployment.recovering")
    if code in _TIMED_OUT:
        return Message("deployment.slow")
    if code in _CURSOR_GONE:
        return Message("deployment.cursor_gone")
    if code == _SNAPSHOT_TOO_OLD:
        return Message("deployment.snapshot_too_old")
    if code in _TRANSACTION_ENDED:
        return Message("deployment.transaction_ended")
    return failed_itself(code, _sentence(text, access)) or Message("server.refused", why=_sentence(text, access))


def failed_itself(code: int | None, why: str) -> Message | None:
    """Return the sentence for an error that no request is to blame for but the server; None for any other error."""
    if code == _OUT_OF_DISK_SPACE:
        return Message("deployment.disk_full")
    return Message("deployment.server_failed", why=why) if code == _INTERNAL_ERROR else None


def _unusable(error: ConfigurationError, access: Access) -> Message:
    text = str(error)
    if "wire version" in text:
        return Message("deployment.too_old")
    if "key" in text and access.certificate:
        return Message("deployment.certificate_unreadable")
    return Message("deployment.unusable", why=_sentence(text, access))


def _no_member(error: Exception, access: Access, client: Client | None) -> Message:
    """Say why no member can be used: the reason of the member that has one, or which kind of member is missing."""
    if client:
        members = client.topology_description.server_descriptions()
        failures = {f"{host}:{port}": each.error for (host, port), each in members.items() if each.error}
        for member, failure in failures.items():
            why = explain_member(failure, access, member)
            announced = not access.address.startswith(SRV) and _host_of(member) not in hosts_of(access.address)
            return Message("deployment.announced_unreachable", member=member, why=why) if announced else why
        if any(each.is_server_type_known for each in members.values()):
            if not client.topology_description.has_writable_server() and access.reads_from == "primary":
                return Message("deployment.no_primary")
            return Message("deployment.no_such_member", reads_from=access.reads_from)
    if "replica set name" in str(error):
        return Message("deployment.wrong_set")
    return Message("deployment.slow")


def _host_of(member: str) -> Host:
    host, _colon, port = member.rpartition(":")
    return host, int(port)


def explain_member(failure: Exception, access: Access, member: str) -> Message:
    """Return the sentence for what a member's connection failed with."""
    if isinstance(failure, OperationFailure | ConfigurationError):
        return explain(failure, access)
    return _unreachable(failure, access, member)


def _unreachable(error: Exception, access: Access, member: str) -> Message:
    # The driver has removed the causes from the errors of members, so their text is all that is left.
    text = str(error)
    member = member or "{}:{}".format(*hosts_of(access.address)[0])
    for sign, code in _TLS_FAILURES:
        if sign in text and "timed out" not in text:
            return Message(code, member=member)
    if isinstance(error, NetworkTimeout | WaitQueueTimeoutError):
        return Message("deployment.slow")
    return Message("deployment.unreachable", member=member, why=_reason(text, access))


def _reason(text: str, access: Access) -> str:
    """Return the system's words for a failed connection, such as "Connection refused."."""
    system = re.search(r"\[Errno -?\d+\] ([^(]+)", text)
    own = re.sub(r"\s*\(configured timeouts:[^)]*\)", "", text)
    return _sentence(system[1].strip() if system else re.sub(r"^\S+:\d+: ", "", own), access)


def _sentence(text: str, access: Access) -> str:
    text = redact(text, access)
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return text if text.endswith(".") else f"{text}."
