"""Certificates for tests: self-signed, or signed by an authority of the test."""

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ALTERNATIVES = x509.SubjectAlternativeName
_DAY = datetime.timedelta(days=1)


def certificate(path: Path, *, names: Sequence[str] = (), addresses: Sequence[str] = ()) -> Path:
    """Write a certificate for these names and addresses, with its key next to it as `.key`; return its path."""
    key = _key(path)
    return _written(path, _builder("database", key, names, addresses, _DAY).issuer_name(_named("database")), key)


class Authority:
    """A certificate authority; `path` is the file of its own certificate, which clients and servers trust."""

    def __init__(self, path: Path, key: ec.EllipticCurvePrivateKey) -> None:
        self.path, self._key = path, key

    @classmethod
    def create(cls, path: Path) -> Self:
        key = _key(path)
        builder = _builder(path.stem, key, (), (), _DAY).issuer_name(_named(path.stem))
        _written(path, builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True), key)
        return cls(path, key)

    def issue(
        self,
        name: str,
        *,
        names: Sequence[str] = (),
        addresses: Sequence[str] = (),
        lasts: datetime.timedelta = datetime.timedelta(days=90),
    ) -> Path:
        """Write a certificate with the subject CN=name beside the authority's, and its key; return its path.

        A negative `lasts` makes it one that has expired. Clients take the certificate with its key: see pem().
        """
        path = self.path.with_name(f"{name}.pem")
        key = _key(path)
        builder = _builder(name, key, names, addresses, lasts).issuer_name(_named(self.path.stem))
        return _written(path, builder, self._key)


def pem(path: Path) -> str:
    """Return a certificate and its key as one text."""
    return path.read_text() + path.with_suffix(".key").read_text()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    path.with_suffix(".key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return key


def _builder(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    addresses: Sequence[str],
    lasts: datetime.timedelta,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    # OpenSSL asks the system for the time, so the clock that tests.hours sets does not move it.
    system = now - datetime.timedelta(seconds=float(os.environ.get("SECONDS_AHEAD", "0")))
    expired = lasts < datetime.timedelta(0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Accept clocks that are slightly behind.
        .not_valid_before(min(system, system + lasts) - datetime.timedelta(hours=1))
        .not_valid_after((system if expired else now) + lasts)
    )
    named = [*map(x509.DNSName, names), *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses)]
    return builder.add_extension(_ALTERNATIVES(named), critical=False) if named else builder


def _written(path: Path, builder: x509.CertificateBuilder, issuer: ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(builder.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path
