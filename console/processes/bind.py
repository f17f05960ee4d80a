"""Where a console may be reached from."""

import ipaddress


def is_loopback(address: str) -> bool:
    """True if only this machine can reach what listens on the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def only_this_machine(bind: str, url: str) -> bool:
    """True if a console that listens there, and says that it is at this address, is meant for nobody elsewhere."""
    return is_loopback(bind) and not url.startswith("https:")
