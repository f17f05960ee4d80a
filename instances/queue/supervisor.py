"""The supervisor keeps one database server running per instance of this host, and writes the instances' states.

Three kinds of threads use it. Only the agent's main thread starts processes and calls tick(). A small pool checks
whether the servers answer and writes the results. The threads of jobs call start() and stop().
"""

import logging
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.db import close_old_connections, connections
from django.utils import timezone

from console.processes.outages import Outages
from console.text.errors import DATABASE_UNAVAILABLE, explain_file
from console.text.messages import Message, joined
from instances.choices import Action, EngineKind, InstanceType, State
from instances.engines import embedded
from instances.engines.base import Server as Address
from instances.engines.base import Watch
from instances.homes import instance_home
from instances.models import Instance
from instances.reported import columns_of

log = logging.getLogger(__name__)
Result = TypeVar("Result")

CHECK_EVERY = 5.0
CHECK_EVERY_STARTING = 0.1
FACTS_EVERY = 10.0
START_SECONDS = 30.0
FAILED_CHECKS = 3
LONGEST_BACK_OFF = 30.0

# The states that end when the server answers, and those that end when it dies.
_DOWN = (State.STARTING, State.ABNORMAL, State.RESTORE_FAILED)
_ALIVE = (State.AVAILABLE, State.STARTING, State.ABNORMAL)


def _server_of(instance: Instance, port: int) -> "Server":
    replica_set = instance.type == InstanceType.REPLICA_SET
    return Server(instance.id, port, instance_home(instance.id), replica_set=replica_set)


class StartFailed(Exception):
    """The server did not start. The message is the reason that people read."""


@dataclass
class Server:
    """One instance's server as the supervisor knows it. Times are from time.monotonic()."""

    instance_id: str
    port: int
    home: Path
    # `replica_set`: the server is a replica set of one node. `private`: it serves the console alone.
    replica_set: bool = False
    private: bool = False
    process: subprocess.Popen[bytes] | None = None
    watch: Watch | None = None
    answers: bool = False
    # Why it ended or could not be started, as far as it is known.
    reason: str = ""
    deaths: int = 0
    failed_checks: int = 0
    spawn_at: float = 0.0
    spawned_at: float = 0.0
    check_at: float = 0.0
    facts_at: float = 0.0
    checking: bool = False
    up: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> Address:
        return Address(self.port, self.home, self.private)

    def unwatch(self) -> None:
        if self.watch:
            self.watch.close()
        self.watch = None


class Supervisor:
    """Keeps the servers of a host running. Does not change the status of the instances that `leave_alone` returns."""

    def __init__(self, host: str, leave_alone: Callable[[], Collection[str]] = tuple) -> None:
        self.host = host
        self._leave_alone = leave_alone
        self._servers: dict[str, Server] = {}
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="health")
        self._outages = Outages(log)

    # --- Called by the threads of jobs ------------------------------------------------------------

    def start(self, instance: Instance, port: int, *, may_move: bool = False) -> None:
        """Start the instance's server and wait until it answers. Raises StartFailed with the reason.

        With `may_move`, the caller can try another port, so do not wait if another program has taken this one.
        """
        self._start(_server_of(instance, port), may_move=may_move)

    def start_scratch(self, name: str, port: int, home: Path) -> None:
        """Start a server for the console alone, on files that belong to no instance. Raises StartFailed."""
        self._start(Server(name, port, home, private=True))

    def _start(self, wanted: Server, *, may_move: bool = False) -> None:
        instance_id, port = wanted.instance_id, wanted.port
        server: Server = self._on_main(lambda: self._servers.setdefault(instance_id, wanted))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if server.up.wait(0.2):
                return
            if may_move and server.deaths and server.process is None and not embedded().processes.bindable(port):
                break
        self.stop(instance_id)
        reason = server.reason or embedded().processes.last_words(server.home)
        raise StartFailed(reason or Message("server.start_timed_out", seconds=START_SECONDS))

    def stop(self, instance_id: str) -> None:
        """Stop the instance's server, wait until it has ended, and stop supervising it."""
        server: Server | None = self._on_main(lambda: self._servers.pop(instance_id, None))
        if server and server.process:
            embedded().processes.stop(server.process)
            server.unwatch()

    # --- Called by the main thread ----------------------------------------------------------------

    def begin(self) -> None:
        """Mark available instances as starting, since no server runs when the agent starts, and call reconcile()."""
        here = Instance.objects.filter(host=self.host, engine_kind=EngineKind.EMBEDDED)
        here = here.exclude(pk__in=self._leave_alone())
        here.filter(state=State.AVAILABLE).update(state=State.STARTING, failure="")
        self.reconcile()

    def reconcile(self) -> None:
        """Register every instance that should be running. Jobs start and stop their own servers."""
        should_run = Instance.objects.filter(
            host=self.host,
            state__in=[State.AVAILABLE, State.STARTING, State.ABNORMAL, State.RESTORE_FAILED],
            port__isnull=False,
        ).exclude(action__in=[Action.DELETE, Action.RESTORE, Action.RESTART])
        for instance in should_run:
            assert instance.port is not None
            self._servers.setdefault(instance.id, _server_of(instance, instance.port))

    def tick(self) -> None:
        """Handle everything that is due, without waiting: requests of jobs, dead servers, starts and checks."""
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                break
            request()
        now = time.monotonic()
        for server in list(self._servers.values()):
            if server.process is None:
                if now >= server.spawn_at:
                    self._spawn(server, now)
            elif server.process.poll() is not None:
                self._died(server, now)
            elif now >= server.check_at and not server.checking:
                server.checking = True
                server.watch = server.watch or embedded().watch(server.address)
                self._pool.submit(self._check, server, server.process, server.watch)

    def shut_down(self) -> None:
        """Stop all servers at the same time, and wait until they have ended."""
        servers = [server for server in self._servers.values() if server.process]
        self._servers.clear()
        with ThreadPoolExecutor(max(1, len(servers)), thread_name_prefix="stop") as pool:
            for server in servers:
                assert server.process is not None
                pool.submit(embedded().processes.stop, server.process, seconds=5.0)
        # Do not wait: a check may be waiting for the console database, and the process ends anyway.
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _spawn(self, server: Server, now: float) -> None:
        server.spawned_at = server.check_at = now
        server.failed_checks = 0
        try:
            # Without its files the server would start empty and look healthy.
            if embedded().files.data_dir(server.home).is_dir():
                server.process = embedded().processes.spawn(
                    server.home, server.port, replica_set=server.replica_set, private=server.private
                )
                return
            why = Message("server.no_data")
        except OSError as error:
            # Carry on with the servers of other instances.
            self._warn(server, "could not be started", str(error))
            why = Message("server.not_started", why=explain_file(error))
        server.reason = why
        server.spawn_at = now + LONGEST_BACK_OFF
        self._pool.submit(self._write_abnormal, server, why)

    def _died(self, server: Server, now: float) -> None:
        assert server.process is not None
        self._warn(server, "ended", str(server.process.returncode))
        server.process = None
        server.unwatch()
        server.answers = False
        server.up.clear()
        server.spawn_at = now + min(LONGEST_BACK_OFF, 0.25 * 2**server.deaths)
        server.deaths += 1
        words = embedded().processes.last_words(server.home)
        server.reason = words or server.reason
        reason = Message("server.restarting")
        self._pool.submit(self._write_abnormal, server, joined(" ", [reason, words]) if words else reason)

    def _warn(self, server: Server, what: str, details: str = "") -> None:
        """Log what happened to the server, once until it runs well again."""
        self._outages.begin(server.instance_id, f"The server of instance {server.instance_id} {what}", details)

    def _on_main(self, function: Callable[[], Result]) -> Result:
        answer: Future[Result] = Future()

        def request() -> None:
            try:
                answer.set_result(function())
            except BaseException as error:
                answer.set_exception(error)

        self._requests.put(request)
        return answer.result()

    # --- Called by the pool -----------------------------------------------------------------------

    def _check(self, server: Server, running: subprocess.Popen[bytes], watch: Watch) -> None:
        """Check whether one server answers, and write any change."""
        try:
            answered = watch.alive()
            now = time.monotonic()
            if answered and running.poll() is None:
                self._answered(server, watch, now)
            elif server.answers:
                server.failed_checks += 1
                if server.failed_checks >= FAILED_CHECKS:
                    self._warn(server, "does not answer and is restarted")
                    running.kill()
            elif now - server.spawned_at > START_SECONDS:
                running.kill()
            server.check_at = now + (CHECK_EVERY if server.answers else CHECK_EVERY_STARTING)
        except Exception as error:
            # Log any error, such as another program on the port: the pool would swallow it. The agent logs that the
            # console database is unavailable.
            if not isinstance(error, DATABASE_UNAVAILABLE):
                self._outages.begin(server.instance_id, f"The check of instance {server.instance_id} failed: {error!r}")
            server.check_at = time.monotonic() + 1
            connections.close_all()
        finally:
            server.checking = False
            close_old_connections()

    def _answered(self, server: Server, watch: Watch, now: float) -> None:
        server.failed_checks = 0
        if not server.answers or now >= server.facts_at:
            down = Instance.objects.filter(pk=server.instance_id, state__in=_DOWN)
            down = down.exclude(pk__in=self._leave_alone())
            if server.answers:
                # The state was written after the server had come up, so it is out of date, unless a job that is working
                # on the server wrote it.
                down = down.exclude(action__in=[Action.RESTORE, Action.DELETE, Action.RESTART])
            down.update(state=State.AVAILABLE, failure="")
            server.answers = True
            server.up.set()
        if now - server.spawned_at > 60:
            server.deaths = 0
            self._outages.end(server.instance_id, f"The server of instance {server.instance_id} runs well again.")
        if now >= server.facts_at:
            server.facts_at = now + FACTS_EVERY
            self._sample(server, watch)

    def _sample(self, server: Server, watch: Watch) -> None:
        """Copy the server's facts into the instance's row."""
        columns = columns_of(watch.facts(), timezone.now())
        Instance.objects.filter(pk=server.instance_id).update(**columns)

    def _write_abnormal(self, server: Server, reason: str) -> None:
        try:
            close_old_connections()
            running = Instance.objects.filter(pk=server.instance_id, state__in=_ALIVE)
            running.exclude(pk__in=self._leave_alone()).update(state=State.ABNORMAL, failure=reason)
        except Exception as error:
            # Log any error, as in _check().
            if not isinstance(error, DATABASE_UNAVAILABLE):
                sentence = f"The state of instance {server.instance_id} could not be written"
                self._outages.begin(server.instance_id, sentence, repr(error), traceback=True)
        finally:
            connections.close_all()
