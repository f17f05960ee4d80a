"""Several threads read, one writes: a line between them that is limited by bytes."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from instances.engines.base import nothing

Task = TypeVar("Task")
Part = bytes | memoryview
# How long the writer waits before it calls `waiting` again.
_SECONDS = 1.0


class Stopped(Exception):
    """The writer has given up, or another reader has failed."""


class Line:
    """Passes parts from the readers to the writer, a group at a time and in the order of put().

    Its readers and the writer together keep about `limit` bytes in memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._groups: deque[tuple[Sequence[Part], int]] = deque()
        self._used = self._readers = 0
        self._stopped = False
        self._failure: BaseException | None = None

    # --- For readers ---

    def reserve(self, size: int) -> None:
        """Wait until there is room for `size` more bytes, and take it. Raises Stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._used or self._used + size <= self._limit)
            if self._stopped:
                raise Stopped
            self._used += size

    def put(self, parts: Sequence[Part], reserved: int = 0) -> None:
        """Pass the parts on, and give back the room that was reserved for them."""
        size = sum(map(len, parts))
        with self._changed:
            self._used += size - reserved
            self._groups.append((parts, size))
            self._changed.notify_all()

    def unused(self, reserved: int) -> None:
        """Give back room that was reserved."""
        with self._changed:
            self._used -= reserved
            self._changed.notify_all()

    # --- For the writer ---

    @contextmanager
    def read_by(self, read: Callable[[Task, "Line"], None], tasks: Iterable[Task], *, threads: int) -> Iterator[None]:
        """Call read() for every task, in threads that leaving the context ends."""
        todo = _Todo(tasks)
        self._readers = threads
        running = [threading.Thread(target=self._work, args=(read, todo), name=f"dump-{n}") for n in range(threads)]
        try:
            for thread in running:
                thread.start()
            yield
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
            for thread in running:
                thread.join()

    def _work(self, read: Callable[[Task, "Line"], None], todo: "_Todo[Task]") -> None:
        failure: BaseException | None = None
        try:
            while not self._stopped and (task := todo.next()) is not None:
                read(task, self)
        except Stopped:
            pass
        except BaseException as error:
            failure = error
        with self._changed:
            self._readers -= 1
            if failure and not self._failure:
                self._failure, self._stopped = failure, True
            self._changed.notify_all()

    def parts(self, waiting: Callable[[], None] = nothing) -> Iterator[Part]:
        """Yield all parts, calling `waiting` about once a second while there are none. Raises a reader's error."""
        while True:
            with self._changed:
                arrived = self._changed.wait_for(lambda: self._groups or self._failure or not self._readers, _SECONDS)
                if self._failure:
                    raise self._failure
                group = self._groups.popleft() if self._groups else None
                if arrived and not group:
                    return
            if group is None:
                waiting()
                continue
            parts, size = group
            yield from parts
            del group, parts
            self.unused(size)


class _Todo(Generic[Task]):
    """Tasks, each for the thread that asks first."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks, self._lock = iter(tasks), threading.Lock()

    def next(self) -> Task | None:
        with self._lock:
            return next(self._tasks, None)
