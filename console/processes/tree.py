"""The process tree of `up`, which starts its children, restarts those that die, and stops all together."""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

TICK = 0.1
# Stopping takes at most this long; children that have not ended by then are killed.
STOP_SECONDS = 9.0
# A restart waits at most this long for the old process group to end. Where no init process reaps orphans, the group
# would never end.
GONE_SECONDS = 3.0
# After this many deaths of one child within a minute, another restart would not help.
LOOP_DEATHS = 5
LOOP_SECONDS = 60.0


@dataclass
class Child:
    name: str
    command: Sequence[str]
    # File descriptors that the process inherits.
    inherits: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    # The group of the previous process. It has been killed, but a process takes a moment to end.
    group: int | None = None
    start_at: float = 0.0
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=LOOP_DEATHS))


class Tree:
    """Runs the children until SIGINT or SIGTERM, or until one of them dies again and again."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        ready: Callable[[], bool],
        on_ready: Callable[[], object],
        report: Callable[[str], object],
        drain: float = 0.0,
    ) -> None:
        """Set up the tree. `drain` is how many seconds the children may take to finish their work before they stop."""
        self.children = children
        self.drain = drain
        self.ready = ready
        self.on_ready = on_ready
        self.report = report
        # Not an Event: set() takes a lock, which the thread that a signal interrupts may already hold.
        self._asked = 0

    def run(self) -> bool:
        """Run the children. Return True after a signal to stop, False if a child died again and again."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)
        waiting = True
        looping: Child | None = None
        try:
            while not self._asked and looping is None:
                for child in self.children:
                    self._tend(child)
                looping = next((child for child in self.children if self._loops(child)), None)
                if waiting and self.ready():
                    waiting = False
                    self.on_ready()
                time.sleep(TICK)
        finally:
            self._stop_all()
        if looping:
            self.report(f"{looping.name} ended {LOOP_DEATHS} times within a minute; its messages above say why.")
        return looping is None

    def _ask(self, *_: object) -> None:
        self._asked += 1

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at and (_is_gone(child.group) or now >= child.start_at + GONE_SECONDS):
                # Start a new session and group: Ctrl-C then reaches only `up`, and processes that the child leaves
                # behind can be found by their group.
                child.process = subprocess.Popen(
                    child.command, stdin=subprocess.DEVNULL, pass_fds=child.inherits, start_new_session=True
                )
        elif (code := child.process.poll()) is not None:
            # What it started may survive it.
            _kill_group(child.process.pid)
            child.group, child.process = child.process.pid, None
            child.deaths.append(now)
            child.start_at = now + min(5.0, 0.1 * 2 ** len(child.deaths))
            self.report(f"{child.name} ended ({_describe(code)}) and is started again.")

    def _loops(self, child: Child) -> bool:
        deaths = child.deaths
        return len(deaths) == LOOP_DEATHS and deaths[-1] - deaths[0] < LOOP_SECONDS

    def _stop_all(self) -> None:
        running = [child.process for child in self.children if child.process]
        # Signal only the child, once for each request to stop: it stops its own children in order.
        told, patience = -1, self.drain + STOP_SECONDS
        while any(process.poll() is None for process in running) and patience > 0:
            if told != self._asked:
                patience = STOP_SECONDS if told > 0 else patience
                told = self._asked
                for process in running:
                    process.terminate()
            time.sleep(TICK)
            patience -= TICK
        for process in running:
            late = process.poll() is None
            _kill_group(process.pid)
            process.wait()
            if late:
                self.report(f"Process {process.pid} did not stop in time and was killed.")


def _is_gone(group: int | None) -> bool:
    """Return whether no process of the group is left. A process left over could accept requests and never answer."""
    if group is None:
        return True
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _describe(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
