"""Two hundred people browse a large console while fifty backups run: how long they wait, and which errors occur.

The real web server runs one process per core, as console/README.md says; each client has its own session. Each person
opens a page, looks at it for some seconds while it refreshes itself as its markup says, and goes to the next page.
`python -m tests.bench.load --people 200 --seconds 60` runs it alone; DATABASE_URL may name an empty database.
"""

import argparse
import asyncio
import contextlib
import html
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

from console.processes.bind import bind_socket
from tests.bench.report import Row, lines
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.bench.bench import Bench

PEOPLE, RUNNING, SECONDS = 200, 50, 60.0
# Seconds that a person looks at a page.
STAY = (5.0, 15.0)
# Real people do not all come at once: they arrive within this time, which is not measured.
ARRIVE = 15.0
TARGET_MS = 300
_HTMX = {"HX-Request": "true"}
# Matches the markup of a refresh: address, values and interval.
_POLLS = re.compile(
    r'hx-get="(?P<url>[^"]+)"(?: hx-vals=\'(?P<values>[^\']*)\')?[^>]*? hx-trigger="every (?P<seconds>\d+)s'
)

_ACTIVITY = re.compile(
    r'data-activity="(?P<url>[^"]+)"[^>]*? data-since="(?P<since>[^"]*)"'
    r'[^>]*? data-activity-version="(?P<version>[^"]*)"'
)


@dataclass
class Seen:
    """The measurements: seconds by kind of request, and the answers to refreshes by status."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"page": [], "refresh": []})
    answers: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    measuring: bool = False
    # Includes requests before the measurement.
    all: int = 0

    def note(self, kind: str, seconds: float, status: int) -> None:
        self.all += 1
        if not self.measuring:
            return
        self.seconds[kind].append(seconds)
        if kind == "refresh":
            self.answers[status] += 1
        if status >= 400:
            self.errors[f"{kind}: {status}"] += 1

    def p95(self, *kinds: str) -> float:
        """Return the 95th percentile in milliseconds."""
        taken = [second for kind in kinds for second in self.seconds[kind]]
        return quantiles(taken, n=20)[18] * 1000 if len(taken) > 1 else 0.0

    @property
    def requests(self) -> int:
        return sum(map(len, self.seconds.values()))


@dataclass(frozen=True)
class Person:
    """One session; `key` is the value of its cookie."""

    session: aiohttp.ClientSession
    base: str
    key: dict[str, str]
    places: list[tuple[int, list[str]]]
    seen: Seen
    chance: random.Random

    async def live(self, until: float) -> None:
        await asyncio.sleep(self.chance.uniform(0, min(ARRIVE, STAY[1])))
        weights = [weight for weight, _addresses in self.places]
        while time.monotonic() < until:
            address = self.chance.choice(self.chance.choices(self.places, weights)[0][1])
            await self.look(address, min(until, time.monotonic() + self.chance.uniform(*STAY)))

    async def look(self, address: str, until: float) -> None:
        """Open the page and stay on it while its lists refresh themselves."""
        text = await self.get("page", address)
        told = asyncio.create_task(self.be_told(text))
        while (polls := _polls(text)) and time.monotonic() < until:
            url, every = min(polls, key=lambda poll: poll[1])
            await asyncio.sleep(every)
            # 204 has no text: the page keeps its content and its refreshes.
            text = await self.get("refresh", url, _HTMX) or text
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        told.cancel()

    async def be_told(self, text: str) -> None:
        """Ask which jobs have ended, as the page's script does for users without work of their own."""
        found = _ACTIVITY.search(text)
        await asyncio.sleep(0.5)
        while found:
            await self.get("refresh", f"{found['url']}?{urlencode({k: found[k] for k in ('since', 'version')})}", _HTMX)
            await asyncio.sleep(15)

    async def get(self, kind: str, address: str, headers: dict[str, str] | None = None) -> str:
        begun = time.monotonic()
        try:
            async with self.session.get(self.base + address, headers={**self.key, **(headers or {})}) as answer:
                text = await answer.text()
                self.seen.note(kind, time.monotonic() - begun, answer.status)
                return text
        except (aiohttp.ClientError, TimeoutError) as error:
            self.seen.errors[f"{kind}: {type(error).__name__}"] += 1
            return ""


def _polls(text: str) -> list[tuple[str, float]]:
    """Return the addresses that the markup refreshes, each with its interval in seconds."""
    found = []
    for poll in _POLLS.finditer(text):
        url = html.unescape(poll["url"])
        if values := poll["values"]:
            pairs = "&".join(f"{name}={value}" for name, value in json.loads(html.unescape(values)).items())
            url += f"{'&' if '?' in url else '?'}{pairs}"
        found.append((url, float(poll["seconds"])))
    return found


async def browse(base: str, made: dict[str, Any], people: int, seconds: float) -> Seen:
    seen = Seen()
    until = time.monotonic() + ARRIVE + seconds
    timeout = aiohttp.ClientTimeout(total=20)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http:
        crowd = [
            Person(http, base, {"Cookie": f"{made['cookie']}={key}"}, made["addresses"], seen, random.Random(number))
            for number, key in enumerate(made["sessions"][:people])
        ]
        async with _measured(seen):
            await asyncio.gather(*(person.live(until) for person in crowd))
    return seen


@contextlib.asynccontextmanager
async def _measured(seen: Seen) -> AsyncIterator[None]:
    """Count only requests after everyone has arrived."""

    async def begin() -> None:
        await asyncio.sleep(ARRIVE)
        seen.measuring = True

    beginning = asyncio.create_task(begin())
    try:
        yield
    finally:
        beginning.cancel()


class Crowded:
    """A large console with its own home and port: the web server, and a process that reports as an agent does."""

    def __init__(self, home: Path, backups: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "CONSOLE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "console.settings"}
        command = [sys.executable, "-m", "tests.bench.load_console", "prepare", "--rows", str(backups)]
        command += ["--people", str(PEOPLE), "--running", str(RUNNING)]
        self.made = json.loads(subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE).stdout)

    def cpu(self) -> float:
        """Return the processor seconds that the web servers have used."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12]) if int(fields[2]) in self._web else 0
        return ticks / os.sysconf("SC_CLK_TCK")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        listening = bind_socket("127.0.0.1", self.port)
        web = ["-m", "console.processes.web_server", "--socket", str(listening.fileno()), "--threads", "8"]
        web += ["--parent-pid", str(os.getpid())]
        with listening:
            servers = [self._start(web, inherits=[listening.fileno()]) for _ in range(os.cpu_count() or 1)]
        self._web = {server.pid for server in servers}
        started = [*servers, self._start(["-m", "tests.bench.load_console", "work"])]
        try:
            wait_for(self._answers, seconds=60, because="the web server")
            assert all(process.poll() is None for process in started)
            yield
        finally:
            for process in started:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _start(self, arguments: list[str], inherits: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, pass_fds=inherits, start_new_session=True
        )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def rows(bench: "Bench") -> Iterator[Row]:
    yield from measure(bench.empty("load"), bench.backups, PEOPLE, SECONDS)


def measure(directory: Path, backups: int, people: int, seconds: float) -> Iterator[Row]:
    """Measure the same console with a few people, then with many."""
    console = Crowded(directory / "home", backups)
    database = "PostgreSQL" if "postgres" in os.environ.get("DATABASE_URL", "") else "SQLite"
    with console.running():
        few = asyncio.run(browse(console.base, console.made, max(people // 20, 1), seconds / 3))
        before = console.cpu()
        many = asyncio.run(browse(console.base, console.made, people, seconds))
        cpu = console.cpu() - before
    where = f"{people} people, {RUNNING} backups running, {backups:,} backups, {database}"
    ours, theirs = many.p95("page", "refresh"), few.p95("page", "refresh")
    alone = f"{theirs:.0f} ms ({max(people // 20, 1)} people)"
    yield Row(where, f"{ours:.0f} ms p95", alone, f"{ours / theirs:.2f}x", f"< {TARGET_MS} ms")
    yield Row("  pages", f"{many.p95('page'):.0f} ms p95", f"{few.p95('page'):.0f} ms")
    yield Row("  refreshes", f"{many.p95('refresh'):.0f} ms p95", f"{few.p95('refresh'):.0f} ms")
    refreshes = sum(many.answers.values())
    yield Row("  refreshes that found nothing new", f"{many.answers[204] / max(refreshes, 1):.0%} of {refreshes:,}")
    yield Row("  requests a second", f"{many.requests / seconds:.0f}", f"{few.requests / seconds * 3:.0f}")
    yield Row("  CPU of the web server for each", f"{cpu / max(many.all, 1) * 1000:.1f} ms")
    what = ", ".join(f"{count} x {error}" for error, count in many.errors.items())
    yield Row("  errors", what or "0", target="0")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="backups in the console (%(default)s)")
    parser.add_argument("--people", type=int, default=PEOPLE, help="at most %(default)s")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long it is measured (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        print("\n".join(lines(measure(Path(directory), options.rows, options.people, options.seconds))))


if __name__ == "__main__":
    main()
