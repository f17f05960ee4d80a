"""The certificates of a TLS connection, looked at from outside of the driver."""

import socket
import ssl
from contextlib import ExitStack
from datetime import datetime

from cryptography import x509

from instances.engines.base import Access
from instances.engines.deployment.connect import NEVER_ASK, in_memory
from instances.engines.deployment.hosts import Host


def server_expires(host: Host, access: Access, seconds: float) -> datetime | None:
    """Return when the certificate of a server expires (UTC), without verifying it; None if it serves none.

    Raises OSError if the server cannot be reached.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:
        if access.certificate:
            # A server that requires one ends the handshake otherwise.
            context.load_cert_chain(stack.enter_context(in_memory(access.certificate)), password=NEVER_ASK)
        plain = stack.enter_context(socket.create_connection(host, seconds))
        try:
            secured = stack.enter_context(context.wrap_socket(plain, server_hostname=host[0]))
            certificate = secured.getpeercert(binary_form=True)
            return x509.load_der_x509_certificate(certificate).not_valid_after_utc if certificate else None
        except (ssl.SSLError, ConnectionError, TimeoutError, ValueError):
            return None


def client_expires(access: Access) -> datetime | None:
    """Return when the client certificate expires (UTC); None if there is none."""
    if not access.certificate:
        return None
    return x509.load_pem_x509_certificate(access.certificate.encode()).not_valid_after_utc


def connection_ends(server: datetime | None, access: Access) -> datetime | None:
    """Return when a certificate's end stops the agent, given the end of the server's (UTC); None if none does."""
    return min(filter(None, (server if access.verify else None, client_expires(access))), default=None)
