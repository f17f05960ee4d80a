"""Downloads from a real console with a browser and with many slow clients, and imports of archives."""

import hashlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pymongo
import pytest
from playwright.sync_api import Page

from console.testing.pages import BackupManagement
from tests.backups.real_archives import foreign_archive
from tests.e2e.console import ROOT, Console, connect, free_port
from tests.waiting import wait_for

MEGABYTE = 1024 * 1024


def documented_commands() -> list[str]:
    """Return the blocks of commands under "Open an archive without the console"."""
    document = (ROOT / "backups" / "archive" / "README.md").read_text()
    section = document.split("## Open an archive without the console")[1].split("\n## ")[0]
    return [block.split("```")[0] for block in section.split("```sh\n")[1:]]


def restore_archive(console: Console, path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "restore-archive", str(path)],
        cwd=ROOT,
        env=console.environment,
        capture_output=True,
        text=True,
    )


def test_a_downloaded_archive_opens_with_the_documented_commands(
    signed_in: Page, console: Console, tmp_path: Path
) -> None:
    page = signed_in
    instance = console.create_instance("to-download")
    with connect(instance["port"]) as client:
        client["shop"]["orders"].insert_many([{"_id": n, "item": f"lamp-{n}"} for n in range(1200)])
        client["shop"]["customers"].insert_one({"city": "Lund"})
    console.create_backup(instance["id"], "download-me")
    backup = console.wait_backup("download-me")

    row = BackupManagement(page).open().row("download-me")
    assert row.id == backup["id"]
    detail = row.open("download-me")
    for text in ("1,201", "customers", "orders", "1,200", backup["sha256"]):
        detail.expect_text(text)
    with page.expect_download() as saving:
        detail.backup.choose("Download")
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    assert saved.name == f"download-me-{backup['id']}.tar.zst"
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == backup["sha256"]
    digest = console.get(f"/backups/{backup['id']}/sha256")
    named = re.search('filename="([^"]+)"', digest.headers["content-disposition"])
    assert named
    (tmp_path / named.group(1)).write_text(digest.text)

    opened = subprocess.run(["sh", "-ec", documented_commands()[0]], cwd=tmp_path, capture_output=True, text=True)
    assert opened.returncode == 0, opened.stderr
    for text in (f"{saved.name}: OK", "data/WiredTiger.backup: OK", "contents.json: OK", "customers", "orders"):
        assert text in opened.stdout, text
    with plain_server(tmp_path / "opened") as documents:
        assert documents.shop.orders.count_documents({}) == 1200
        assert documents.shop.customers.find_one({}, {"_id": 0}) == {"city": "Lund"}


@contextmanager
def plain_server(folder: Path) -> Iterator["pymongo.MongoClient[dict[str, Any]]"]:
    """Start a server on the unpacked files with the documented command and connect a driver to it."""
    program, *arguments = documented_commands()[1].split()
    arguments[-1] = str(free_port())
    server = subprocess.Popen([Path(sys.executable).with_name(program), *arguments], cwd=folder)
    try:
        with pymongo.MongoClient[dict[str, Any]]("127.0.0.1", int(arguments[-1]), directConnection=True) as client:
            yield client
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def large(console: Console, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A backup of 200 MB, imported while the console runs."""
    path = foreign_archive(tmp_path_factory.mktemp("elsewhere"), "shop", megabytes=200)
    done = restore_archive(console, path)
    assert done.returncode == 0, done.stderr
    backup = console.backup("made-elsewhere")
    assert backup["size"] == path.stat().st_size > 190 * MEGABYTE
    path.unlink()
    return backup


@contextmanager
def slow_client(console: Console, path: str) -> Iterator[tuple[socket.socket, bytes]]:
    """Yield the socket of a client that has read only the beginning of a response, and the bytes it has read."""
    cookies = console.cookies
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.settimeout(20)
        client.connect(("127.0.0.1", console.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n\r\n".encode())
        begun = b""
        while b"\r\n\r\n" not in begun:
            begun += client.recv(4096)
        yield client, begun


def web_memory(console: Console, what: str) -> int:
    """Return the memory of the web server's processes in bytes: `what` is "VmRSS" (current) or "VmHWM" (peak)."""
    total = 0
    for pid, line in console.pids().items():
        if "-m launcher" not in line and "manage.py" not in line:
            status = Path(f"/proc/{pid}/status").read_text()
            found = re.search(rf"{what}:\s+(\d+) kB", status)
            total += int(found.group(1)) * 1024 if found else 0
    return total


def test_a_slow_client_costs_little_memory_and_gets_the_exact_archive(console: Console, large: dict[str, str]) -> None:
    console.get("/backups/")
    before = web_memory(console, "VmRSS")
    with slow_client(console, f"/backups/{large['id']}/download/") as (client, begun):
        headers, received = begun.split(b"\r\n\r\n", 1)
        assert b" 200 " in headers.split(b"\r\n")[0]
        digest, left = hashlib.sha256(received), large["size"] - len(received)  # type: ignore[operator]
        while left:
            part = client.recv(min(left, 256 * 1024))
            assert part, "the answer ended too early"
            digest.update(part)
            left -= len(part)
    assert digest.hexdigest() == large["sha256"]
    grown = web_memory(console, "VmHWM") - before
    assert grown < 40 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB for an archive of 200 MB"


def test_slow_clients_do_not_delay_pages_and_free_their_place_when_they_disconnect(
    console: Console, large: dict[str, str]
) -> None:
    path = f"/backups/{large['id']}/download/"
    with ExitStack() as clients:
        opened = [clients.enter_context(slow_client(console, path)) for _ in range(8)]
        assert all(b" 200 " in begun.split(b"\r\n")[0] for _, begun in opened)
        taken = []
        for page in ("/backups/", "/instances/", f"/backups/{large['id']}/") * 3:
            started = time.monotonic()
            assert console.get(page).status == 200
            taken.append(time.monotonic() - started)
        assert max(taken) < 2, taken
        ninth = console.get(path, Range="bytes=0-99")
        assert ninth.status == 503 and "8 downloads are running" in ninth.text

        opened[0][0].close()
        wait_for(lambda: status_of(console, path) == b"200", because="room for another download")
    # When clients disconnect without notice, the console closes their files.
    wait_for(lambda: not archives_open(console, large), because="the closing of the files")


def status_of(console: Console, path: str) -> bytes:
    with slow_client(console, path) as (_, begun):
        return begun.split()[1]


def archives_open(console: Console, backup: dict[str, str]) -> list[str]:
    """Return a path for each open descriptor of this archive in the console's processes."""
    found = []
    for pid in console.pids():
        try:
            links = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            continue
        found += [str(link) for link in links if link == console.archive(backup)]
    return found


def test_an_interrupted_download_resumes_where_it_stopped(console: Console, large: dict[str, str]) -> None:
    path = f"/backups/{large['id']}/download/"
    with slow_client(console, path):
        pass
    archive = console.archive(large)
    with archive.open("rb") as file:
        file.seek(150 * MEGABYTE)
        wanted = file.read(64)
    for if_range, status in ((f'"{large["sha256"]}"', b" 206 "), ('"other"', b" 200 ")):
        cookies = console.cookies
        with socket.create_connection(("127.0.0.1", console.port), timeout=20) as client:
            asked = f"Range: bytes={150 * MEGABYTE}-{150 * MEGABYTE + 63}\r\nIf-Range: {if_range}\r\n"
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n{asked}\r\n".encode())
            answer = b""
            while b"\r\n\r\n" not in answer or (status == b" 206 " and not answer.endswith(wanted)):
                part = client.recv(4096)
                assert part
                answer += part
            assert status in answer.split(b"\r\n")[0]


def test_the_command_rejects_a_damaged_archive(console: Console, tmp_path: Path) -> None:
    path = foreign_archive(tmp_path, "shop", backup_name="never-listed", backup_id="ab" * 16 + "br02")
    path.write_bytes(path.read_bytes()[:-1000])
    done = restore_archive(console, path)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "archive" in done.stderr
    assert not console.backup("never-listed") and not console.archive({"id": "ab" * 16 + "br02"}).exists()
