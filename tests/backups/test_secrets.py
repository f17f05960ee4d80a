"""After every kind of failure there is, no secret of a deployment is where people or programs could read it."""

import html
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

import pytest
import zstandard

from console.testing.ports import free_port
from tests.backups import existing
from tests.certificates import Authority, pem
from tests.deployments import PASSWORD, USER, Deployment, Tls
from tests.e2e.console import Console
from tests.e2e.restorations import restoration
from tests.waiting import wait_for

Row = dict[str, Any]
MEGABYTE = 1024 * 1024
# Passwords that no other text contains, with characters that are written differently in URLs, JSON, HTML and Python.
WRONG, PASTED, LATER = (f"{name}-s3cr3t/ä&'\"{secrets.token_hex(6)}" for name in ("wrong", "pasted", "later"))
PAGES = (
    "/",
    "/instances/",
    "/backups/",
    "/tasks/",
    "/audit/",
    "/notifications/",
    "/settings/",
    "/instances/add-existing/",
)


class Watched:
    """Everything that a console shows or stores, searched for secrets. `answers` has pages that were answered."""

    def __init__(self, console: Console, searched_for: list[str]) -> None:
        self.console, self.answers = console, [""]
        self._spellings = sorted({spelling for secret in searched_for for spelling in spellings(secret)})
        self._commands: set[str] = set()
        self._ended = threading.Event()

    @contextmanager
    def commands(self) -> Iterator[None]:
        """Collect the command lines of all processes meanwhile, also of those that soon end."""
        thread = threading.Thread(target=self._collect)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _collect(self) -> None:
        while not self._ended.wait(0.05):
            self._commands.update(self.console.pids().values())

    def visit(self) -> None:
        """Get every page that says something about deployments, their backups and their tasks."""
        pages = [*PAGES, *(f"/tasks/{UUID(job['id'])}/" for job in self.console.jobs.find())]
        for row in self.console.instances.find():
            pages += [f"/instances/{row['id']}/{page}" for page in ("", "basic-information/", "connection/", "tasks/")]
        pages += [f"/backups/{row['id']}/" for row in self.console.backups.find()]
        for page in pages:
            answer = self.console.get(page)
            assert answer.status == 200, (page, answer.status)
            self.answers.append(answer.text)

    def found(self) -> list[str]:
        """Return where a secret is, and which."""
        home = self.console.home
        # The sealed secrets and their key are there; the data of embedded servers is not the console's.
        files = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if self._is_searched(path)}
        assert {"console.sqlite3"} <= files.keys() and len(self._commands) >= 2
        places = {
            **{name: content.decode(errors="replace") for name, content in files.items()},
            "log": "\n".join(self.console.output),
            "commands": "\n".join(self._commands),
            "pages": "\n".join(self.answers),
        }
        return [f"{place}: {each}" for place, text in places.items() for each in self._spellings if each in text]

    def _is_searched(self, path: Path) -> bool:
        return path.is_file() and "static" not in path.parts and "locale" not in path.parts


def spellings(secret: str) -> set[str]:
    escaped = {repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret), *escaped}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment that asks for client certificates."""
    authority = Authority.create(tmp_path_factory.mktemp("authority") / "authority.pem")
    certificate = authority.issue("server", names=["localhost"], addresses=["127.0.0.1"])
    with Deployment(tmp_path_factory.mktemp("deployment"), tls=Tls(authority, certificate)) as running:
        yield running


def refuse_password(deployment: Deployment, password: str) -> None:
    """Give the user another password than the console knows."""
    with deployment.client() as client:
        client.admin.command("updateUser", USER, pwd=password)


def test_no_failure_shows_a_secret(console: Console, deployment: Deployment) -> None:
    assert deployment.tls
    client = pem(deployment.tls.authority.issue("client"))
    key = re.findall(r"PRIVATE KEY-----\n(.*)\n", client)[0]
    watched = Watched(console, [PASSWORD, WRONG, PASTED, LATER, key])
    with watched.commands():
        fail_in_every_way(console, deployment, client, watched)
        watched.visit()
    assert watched.found() == []
    for archive in (console.home / "backups").glob("*.zst"):
        content = zstandard.ZstdDecompressor().stream_reader(archive.read_bytes()).read()
        assert not [each for each in watched._spellings if each.encode() in content]


def fail_in_every_way(console: Console, deployment: Deployment, client: str, watched: Watched) -> None:
    def failed(name: str, **fields: str) -> Row:
        row = existing.add(console, name, deployment, **fields)
        assert row["state"] == "createfail" and row["failure"], row
        return row

    # The first test.
    failed("wrong-password", password=WRONG, certificate=client)
    failed("wrong-source", auth_source="elsewhere")
    failed("untrusted", ca="")
    failed("unreachable", address=f"mongodb://127.0.0.1:{free_port()}/", certificate=client)
    failed("not-tls", tls="", ca="")

    # Forms that are rejected: by a rule, with a password in the address, with an option that is refused.
    address = f"mongodb://{quote(USER)}:{quote(PASTED, safe='')}@127.0.0.1:1/"
    for fields in (
        {"name": "x"},
        {"address": f"{address}?tlsInsecure=true", "password": ""},
        {"address": address.replace(quote(PASTED, safe=""), PASTED), "password": ""},
        {"certificate": client.replace("BEGIN CERTIFICATE", "BEGIN NOTHING")},
    ):
        form = existing.connection(deployment) | {"name": "rejected", "request_key": secrets.token_hex(16)} | fields
        answer = console.post("/instances/add-existing/", form)
        assert answer.status == 422, fields
        watched.answers.append(answer.text)
    assert existing.add(console, "pasted", deployment, address=address, user="", password="")["state"] == "createfail"

    # A backup that is cancelled, and one that ends well.
    instance = existing.add(console, "orders", deployment, certificate=client)
    assert (instance["state"], instance["failure"]) == ("normal", "")
    with deployment.client() as driver:
        driver.shop.orders.insert_many([{"data": secrets.token_bytes(64 * 1024)} for _ in range(64)])
    console.hooks.slow_next_backup(MEGABYTE)
    console.create_backup(instance["id"], "unwanted")
    console.wait_copying("unwanted")
    assert console.post(f"/backups/{console.backup('unwanted')['id']}/cancel/", {}).status == 200
    console.wait_backup("unwanted", "CANCELLED")
    console.create_backup(instance["id"], "wanted")
    backup = console.wait_backup("wanted")

    # A backup, a restoration and a test with a password that is not right any more.
    refuse_password(deployment, LATER)
    console.create_backup(instance["id"], "refused")
    assert "password" in console.wait_backup("refused", "FAILED")["failure"]
    existing.restore(console, backup, "orders")
    assert restoration(console, instance["id"])["status"] == "FAILED"
    wait_for(lambda: console.instance("orders")["action"] == "", because="the end of the restoration")
    assert "password" in existing.retest(console, instance)["failure"]
    assert existing.edit(console, instance, deployment, password=WRONG)["state"] != "normal"
    assert existing.edit(console, instance, deployment, password=LATER)["state"] == "normal"

    # A key that is lost.
    (console.home / "credentials.key").unlink()
    row = existing.retest(console, instance)
    assert row["state"] == "abnormal" and "again" in row["failure"], row
