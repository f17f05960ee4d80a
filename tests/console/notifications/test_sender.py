"""What a channel's URL must not make the console do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from console.notifications import sending
from console.notifications.messages import Outgoing
from console.notifications.sender import is_forbidden
from tests.console.notifications.channels import check_here
from tests.console.notifications.receivers import HttpReceiver
from tests.waiting import wait_for

SLACK = "slack://xoxb-1234-1234-abcdefabcdef/#general"


def outcome(url: str) -> str:
    started = sending.Sending.of(Outgoing(url, "Title", "Body", "info"))
    wait_for(lambda: not started.running)
    return started.failure()


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
        *("100.100.100.200", "168.63.129.16", "fd00:ec2::254", "[fd00:ec2::254]", "224.0.0.1"),
    ],
)
def test_an_address_is_refused(address: str) -> None:
    assert is_forbidden(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "8.8.8.8", "example.org", ""])
def test_another_address_is_not(address: str) -> None:
    assert not is_forbidden(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "This is not a URL that Apprise understands."),
        ("file:///etc/passwd", "This is not a URL that Apprise understands."),
        ("json://", "This is not a URL that Apprise understands."),
        ("syslog://", "This URL is for programs or devices of this machine."),
        ("dbus://", "This URL is for programs or devices of this machine."),
        ("json://169.254.169.254/latest", "The URL leads to a link-local address"),
        ("jsons://[fe80::1]/x", "The URL leads to a link-local address"),
    ],
)
def test_a_url_is_rejected_before_anything_is_sent(url: str, reason: str) -> None:
    assert check_here(url).startswith(reason)


@pytest.mark.parametrize("url", ["json://127.0.0.1:9/x", "mailtos://u:p@example.org?to=a@example.org", SLACK])
def test_a_url_can_be_used(url: str) -> None:
    assert check_here(url) == ""


def test_a_url_that_needs_a_file_is_refused_when_it_is_used() -> None:
    assert outcome(f"{SLACK}?template=/etc/passwd").startswith("The URL needs a file or a program")


def test_redirects_are_not_followed(receiver: HttpReceiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    assert outcome(receiver.url("/hook?redirect=yes")) == "The receiver refused the message with the status 302."
    assert receiver.paths == ["/hook"]


def test_a_receiver_without_tls_is_reported(receiver: HttpReceiver) -> None:
    assert outcome(f"jsons://127.0.0.1:{receiver.port}/hook").startswith("No TLS connection")


# Each line of code, and what the guard makes of it.
GUARDED = {
    "import socket; socket.create_connection(('169.254.169.254', 80), 1)": "Forbidden: address",
    "import socket; socket.socket(socket.AF_UNIX).connect('/run/x')": "Forbidden: address",
    "import socket; socket.socket().connect(('localhost', 9))": "Forbidden: address",
    "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('169.254.169.254', 80))": "Forbidden: address",
    "open('/etc/passwd')": "Forbidden: file",
    "open('/tmp/written', 'w')": "Forbidden: file",
    "import os; os.open('/etc/hosts', os.O_RDONLY)": "Forbidden: file",
    "import subprocess; subprocess.run(['true'])": "Forbidden: file",
    "import os; os.system('true')": "Forbidden: file",
    "import wave": "ok",
}


def test_the_guard_refuses_files_programs_and_addresses() -> None:
    program = f"""
import sys
sys.path.insert(0, {json.dumps(str(Path(sending.__file__).parent))})
import sender
sender.prepare()
for code in {json.dumps([*GUARDED])}:
    try:
        exec(code)
    except Exception as error:
        print(f"{{type(error).__name__}}: {{error}}")
    else:
        print("ok")
"""
    done = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True, timeout=60)
    assert dict(zip(GUARDED, done.stdout.splitlines(), strict=True)) == GUARDED, done.stderr


def test_the_sender_gets_none_of_the_consoles_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_SECRET_KEY", "sesame")
    started = sending.Sending({"url": "json://127.0.0.1:9/", "app": "x"})
    environment = Path(f"/proc/{started.pid}/environ").read_bytes()
    assert b"sesame" not in environment and b"CONSOLE" not in environment
    wait_for(lambda: not started.running)
    assert started.failure() == ""


def test_a_url_is_checked_by_a_process_of_its_own() -> None:
    assert sending.check("json://127.0.0.1:9/x") == "" and sending.check("nonsense").startswith("This is not a URL")
