"""A program of its own that checks one Apprise URL or sends one message to it, then ends.

It reads a request in JSON from its standard input and writes an Answer in JSON. A process of its own can be ended at
any time, keeps the URL out of arguments and logs, and refuses what a URL must not make the console do: read or write
files, start programs, follow redirects, connect to link-local addresses. It imports nothing from the console, so that
it starts fast and has none of its secrets.
"""

import functools
import ipaddress
import json
import logging
import os
import resource
import signal
import smtplib
import ssl
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apprise
import requests
from requests.adapters import HTTPAdapter

# The seconds after which the program ends itself, in case no agent is left to end it.
LIMIT_SECONDS = 30
LIMIT_BYTES = 1024**3

# Services of this machine, not of a network: its desktop, its log, its devices, other programs.
LOCAL = {
    "dbus",
    "kde",
    "qt",
    "glib",
    "gio",
    "gnome",
    "macosx",
    "windows",
    "syslog",
    "blink1",
    "deltachat",
    "deltachats",
}

# Link-local networks, and addresses outside them at which clouds give credentials to the machines that ask.
FORBIDDEN = [
    *(ipaddress.ip_network(network) for network in ("169.254.0.0/16", "fe80::/10")),
    *(ipaddress.ip_network(address) for address in ("100.100.100.200", "168.63.129.16", "192.0.0.192")),
    *(ipaddress.ip_network(address) for address in ("fd00:ec2::254", "fd20:ce::254")),
]
# Networks that carry an IPv4 address in the last 32 bits.
EMBEDDING = [ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96")]

# The files that Python itself needs: its modules, certificates, time zones.
READABLE = [
    *(os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(os.path.realpath(name) for name in ("/usr/share/zoneinfo", "/etc/ssl", "/etc/localtime", "/etc/mime.types")),
]
PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"}


@dataclass(frozen=True)
class Answer:
    """The outcome: "ok", or why not; with the status with which an HTTP or mail server refused the message."""

    outcome: str
    status: int = 0


class Forbidden(PermissionError):
    """The URL wants something that is not allowed."""


# Why the message could not be sent, in the order in which that was noticed.
_noticed: list[Answer] = []


def is_forbidden(host: str) -> bool:
    """Return whether the text is an address to which nothing is sent. A name is none: only its address counts."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_forbidden(str(address.ipv4_mapped))
        # ::1 is in ::/96, but is no IPv4 address.
        if any(address in network for network in EMBEDDING) and int(address) > 0xFFFFFF:
            return is_forbidden(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
    return address.is_multicast or any(address in network for network in FORBIDDEN)


def _refuse(outcome: str) -> None:
    _noticed.append(Answer(outcome))
    raise Forbidden(outcome)


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse files, programs and forbidden addresses: an audit hook, which nothing in this process can remove."""
    if event == "open":
        path, _mode, flags = arguments
        if isinstance(path, int):
            return
        real = os.path.realpath(path)
        readable = any(real == place or real.startswith(place + os.sep) for place in READABLE)
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or not readable:
            _refuse("file")
    elif event in PROGRAMS:
        _refuse("file")
    elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
        # Sockets of this machine have a path as their address; a name instead of an address could mean another later.
        if not isinstance(address, tuple) or not _is_address(str(address[0])) or is_forbidden(str(address[0])):
            _refuse("address")


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False


def _notice(error: BaseException) -> None:
    if isinstance(error, ssl.SSLError | requests.exceptions.SSLError):
        _noticed.append(Answer("tls"))
    elif isinstance(error, requests.exceptions.ReadTimeout) or type(error) is TimeoutError:
        _noticed.append(Answer("silent"))
    elif isinstance(error, OSError) and not isinstance(error, Forbidden | smtplib.SMTPException):
        _noticed.append(Answer("unreachable"))


def _noticing(method: Callable[..., Any], status_of: Callable[[Any], int]) -> Callable[..., Any]:
    """Make the method keep why it fails: Apprise only logs that, with the URL."""

    @functools.wraps(method)
    def noticing(*args: Any, **kwargs: Any) -> Any:
        try:
            result = method(*args, **kwargs)
        except BaseException as error:
            _notice(error)
            raise
        if (status := status_of(result)) >= 300:
            _noticed.append(Answer("status", status))
        return result

    return noticing


def prepare() -> None:
    """Confine this process. Call it when all modules are imported."""
    signal.alarm(LIMIT_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    logging.disable()
    HTTPAdapter.send = _noticing(HTTPAdapter.send, lambda response: response.status_code)  # type: ignore[method-assign]
    # 354 asks for the message.
    replied = _noticing(smtplib.SMTP.getreply, lambda reply: reply[0] if reply[0] >= 400 else 0)
    smtplib.SMTP.getreply = replied  # type: ignore[method-assign]
    for name in ("connect", "starttls"):
        setattr(smtplib.SMTP, name, _noticing(getattr(smtplib.SMTP, name), lambda result: 0))
    # A redirect may lead from a harmless URL to any other. The receiver's own answer counts.
    requests.Session.resolve_redirects = lambda *_args, **_options: iter(())  # type: ignore[method-assign, assignment]
    sys.addaudithook(guard)


def answer(request: dict[str, str]) -> Answer:
    """Check the URL, and send the message if there is one."""
    if request["url"].partition("://")[0].lower() in LOCAL:
        return Answer("local")
    asset = apprise.AppriseAsset(
        app_id=request["app"], app_desc=request["app"], app_url="", async_mode=False, allow_templates=False
    )
    asset.pgp_autogen = asset.pem_autogen = False
    service = apprise.Apprise.instantiate(request["url"], asset=asset)
    if not isinstance(service, apprise.NotifyBase):
        refused = next((each for each in _noticed if each.outcome == "file"), None)
        return refused or Answer("url")
    if is_forbidden(service.host or ""):
        return Answer("address")
    if "body" not in request:
        return Answer("ok")
    sent = service.notify(
        body=request["body"],
        title=request["title"],
        notify_type=apprise.NotifyType(request["type"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return Answer("ok") if sent else _reason()


def _reason() -> Answer:
    """Return why the message was not sent: what the console refused first, then what the receiver said last."""
    for outcome in ("address", "status", "tls", "silent", "unreachable", "file"):
        if found := [each for each in _noticed if each.outcome == outcome]:
            return found[-1]
    return Answer("failed")


def main() -> None:
    request = json.load(sys.stdin)
    prepare()
    try:
        answered = answer(request)
    except Exception:
        # Whatever it is, its text may have the URL.
        answered = _reason()
    sys.stdout.write(json.dumps(asdict(answered)))


if __name__ == "__main__":
    sys.path = [place for place in sys.path if Path(place) != Path(__file__).parent]
    main()
