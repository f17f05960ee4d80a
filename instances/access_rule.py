"""The rule for the connection to an existing deployment; the form and the services use it.

It looks nothing up in DNS and connects to nothing: the agent does, with the same rules for hosts.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NoReturn

from django.core.exceptions import ValidationError

from console.processes.secrets import CannotUnseal
from console.text.messages import Message
from instances.choices import InstanceType, Mechanism
from instances.engines.base import Access
from instances.engines.deployment import hosts, uri
from instances.engines.deployment.hosts import NotAllowed
from instances.models import Deployment
from instances.pem import Unusable, check_authorities, check_certificate

# What is said of a secret that cannot be decrypted any more.
_LOST = {"password": "deployment.password_unreadable", "certificate": "deployment.certificate_lost"}


class _NoNames:
    """A resolver that knows no name."""

    def addresses(self, name: str) -> NoReturn:
        raise LookupError(name)

    def services(self, name: str) -> NoReturn:
        raise LookupError(name)

    def texts(self, name: str) -> Iterable[str]:
        return []


def check_access(access: Access) -> None:
    """Raise ValidationError with every broken rule, by the names of Access's fields. It quotes no secret."""
    errors = dict(_broken(access))
    if errors:
        raise ValidationError({name: ValidationError(str(reason)) for name, reason in errors.items()})


def with_kept_secrets(deployment: Deployment, access: Access, forget_certificate: bool) -> Access:
    """Return the new access with the deployment's present secrets in place of those that are not given.

    Raises ValidationError if the present password was for other hosts, or if a secret that is needed cannot be read.
    """
    kept = replace(access)
    if deployment.sealed_certificate and access.tls and not access.certificate and not forget_certificate:
        kept = replace(kept, certificate=_present(deployment, "certificate"))
    asks = bool(access.user) and access.mechanism != Mechanism.X509
    if deployment.sealed_password and asks and not access.password:
        if Deployment(address=access.address).hosts != deployment.hosts:
            raise ValidationError({"password": str(Message("deployment.password_elsewhere"))})
        kept = replace(kept, password=_present(deployment, "password"))
    return kept


def _present(deployment: Deployment, name: str) -> str:
    try:
        return str(getattr(deployment.access(), name))
    except CannotUnseal:
        raise ValidationError({name: str(Message(_LOST[name]))}) from None


def guessed_type(address: str) -> InstanceType:
    """Return the type that the address suggests, until a server says what it is."""
    several = len(hosts.hosts_of(address)) > 1 or address.startswith(hosts.SRV)
    named = any(name == "replicaset" for name, _value in uri.options_of(address))
    return InstanceType.REPLICA_SET if several or named else InstanceType.SINGLE_NODE


def _broken(access: Access) -> Iterator[tuple[str, str]]:
    """Yield each field that breaks a rule, once, with the reason."""
    if reason := _refused(access.address):
        yield "address", reason
    x509 = access.mechanism == Mechanism.X509
    if access.user and not access.password and not x509:
        yield "password", Message("deployment.password_missing")
    if access.password and not access.user:
        yield "user", Message("deployment.user_missing")
    if not access.tls and (x509 or access.ca or access.certificate):
        yield "tls", Message("deployment.x509_tls" if x509 else "deployment.tls_missing")
    if access.ca and (reason := _unusable(check_authorities, access.ca)):
        yield "ca", reason
    if access.certificate and (reason := _unusable(check_certificate, access.certificate)):
        yield "certificate", reason
    elif x509 and not access.certificate:
        yield "certificate", Message("deployment.x509_certificate")


def _refused(address: str) -> str:
    try:
        if uri.parse(address).address != address:
            return Message("deployment.address_not_plain")
        for name, _port in hosts.hosts_of(address):
            hosts.require_allowed(name, _NoNames())
    except NotAllowed as error:
        return str(error)
    return ""


def _unusable(check: Callable[[str], None], text: str) -> str:
    try:
        check(text)
    except Unusable as error:
        return str(error)
    return ""
