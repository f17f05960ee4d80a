"""Checks of whether other machines can reach the console."""

import ipaddress


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach a server that listens on the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def only_this_machine(bind: str, url: str) -> bool:
    """Return whether a console that listens on `bind` and has this URL is for this machine only."""
    return is_loopback(bind) and not url.startswith("https:")
