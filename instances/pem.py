"""Certificates that people paste, checked before anything connects with them."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from console.text.messages import Message

PEM_MAX_LENGTH = 65_536
PRIVATE_KEY = "PRIVATE KEY-----"


class Unusable(ValueError):
    """The text cannot be used as a certificate. The message is a sentence for people."""


def check_authorities(text: str) -> None:
    """Raise Unusable unless the PEM text has certificates, of which one at least is valid now."""
    if PRIVATE_KEY in text:
        raise Unusable(Message("deployment.pem_key_among_authorities"))
    found = _certificates(text)
    reasons = [_invalid_now(certificate) for certificate in found]
    if all(reasons):
        raise Unusable(reasons[0])


def check_certificate(text: str) -> None:
    """Raise Unusable unless the PEM text has a certificate that is valid now, and its private key."""
    certificate = _certificates(text)[0]
    if PRIVATE_KEY not in text:
        raise Unusable(Message("deployment.pem_no_key"))
    try:
        belongs = load_pem_private_key(text.encode(), password=None).public_key() == certificate.public_key()
    except TypeError as error:
        raise Unusable(Message("deployment.pem_key_encrypted")) from error
    except Exception as error:
        # cryptography documents several exceptions here, and more than that are raised for damaged keys.
        raise Unusable(Message("deployment.pem_no_key")) from error
    if not belongs:
        raise Unusable(Message("deployment.pem_other_key"))
    if reason := _invalid_now(certificate):
        raise Unusable(reason)


def _certificates(text: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise Unusable(Message("deployment.pem_unreadable")) from error


def _invalid_now(certificate: x509.Certificate) -> str:
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc <= now:
        return Message("deployment.pem_expired", day=certificate.not_valid_after_utc.date())
    if certificate.not_valid_before_utc > now:
        return Message("deployment.pem_too_early", day=certificate.not_valid_before_utc.date())
    return ""
