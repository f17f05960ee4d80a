"""The address at which clients reach the instances of this host."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Listening:
    """The name or address that clients connect to, and whether they must use TLS.

    If `alias` is True, the servers know themselves by another address, so drivers must not discover the replica set.
    """

    address: str
    tls: bool
    alias: bool = False


LOOPBACK = Listening("127.0.0.1", tls=False)


def listening_here() -> Listening:
    """Return where this host's instances listen. Raises ImproperlyConfigured if the certificate cannot be read."""
    bind = settings.CONSOLE_DB_BIND
    if not settings.CONSOLE_DB_TLS_CERTIFICATE:
        return Listening(bind, tls=False)
    names, addresses = _named_in(Path(settings.CONSOLE_DB_TLS_CERTIFICATE))
    if bind in addresses:
        return Listening(bind, tls=True)
    # Clients check that the certificate names the address that they connect to.
    shown = next(iter([*names, *addresses]), bind)
    return Listening(shown, tls=True, alias=shown != bind)


def _named_in(certificate: Path) -> tuple[list[str], list[str]]:
    """Return the host names, without wildcards, and the addresses in the first certificate of the file."""
    try:
        parsed = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (OSError, ValueError, IndexError) as error:
        raise ImproperlyConfigured(
            f"CONSOLE_DB_TLS_CERTIFICATE={certificate} cannot be read as a certificate in PEM form ({error})."
        ) from None
    try:
        named = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    names = [name for name in named.get_values_for_type(x509.DNSName) if not name.startswith("*")]
    addresses = [str(found) for found in named.get_values_for_type(x509.IPAddress)]
    return names, addresses
