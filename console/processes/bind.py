"""The address that the console listens on, and whether other machines can reach it."""

import ipaddress
import socket


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach a server that listens on the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def only_this_machine(bind: str, url: str) -> bool:
    """Return whether a console that listens on `bind` and has this URL is for this machine only."""
    return is_loopback(bind) and not url.startswith("https:")


def bind_socket(address: str, port: int) -> socket.socket:
    """Return a socket with the port. Raises OSError or OverflowError if the port or the address cannot be used."""
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Do not fail because of an earlier run's connections in TIME_WAIT.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
    except BaseException:
        bound.close()
        raise
    return bound
