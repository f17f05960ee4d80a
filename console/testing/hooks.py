"""The client of the test hooks, which change how the console behaves. Requires a console with CONSOLE_TEST_HOOKS=1."""

import json
from typing import Protocol

from console.testing.session import Session


class HookRefused(Exception):
    """The console refused the hook; the message is its reason."""


class _Row(Protocol):
    @property
    def id(self) -> str: ...


def _id(instance: str | _Row) -> str:
    return instance if isinstance(instance, str) else instance.id


class Hooks:
    """The test hooks, called as administrator in a separate session. They last until clear(), even across restarts."""

    def __init__(self, url: str) -> None:
        self._session = Session(url)
        self._signed_in = False

    def slow_next_backup(self, bytes_per_second: int) -> None:
        """Limit the next backup that starts to this many bytes per second. It can be cancelled as usual."""
        self._post("slow-next-backup", bytes_per_second=bytes_per_second)

    def fail_next_backup(self, *, at: int) -> None:
        """Make the next backup that starts fail when it reaches this percentage."""
        self._post("fail-next-backup", percent=at)

    def move_clock(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """Move the clock of backup windows and retention forwards, or backwards with negative numbers.

        To reach a window, use move_to_next_window(): no fixed number of hours reaches one at every time of day.
        """
        self._post("move-clock", seconds=round(((days * 24 + hours) * 60 + minutes) * 60))

    def move_to_next_window(self, instance: str | _Row) -> None:
        """Move the clock to the start of the next window of the instance (its id or its row), at any hour.

        The automated backup then starts within seconds. Raises HookRefused if the instance's policy is off.
        """
        self._post("move-to-next-window", instance=_id(instance))

    def set_status(self, instance: str | _Row, status: str) -> None:
        """Make the instance (its id or its row) show the status (the API's code) until the next call.

        "normal" restores the original status. The server keeps running whatever the status is.
        """
        self._post("set-status", instance=_id(instance), status=status)

    def clear(self) -> None:
        """Undo all hooks."""
        self._post("clear")

    def _post(self, hook: str, **fields: str | int) -> None:
        if not self._signed_in:
            self._session.sign_in()
            self._signed_in = True
        answer = self._session.post(f"/test-hooks/{hook}/", fields, form="/account/password/")
        if answer.status == 404:
            raise HookRefused("The console has no test hooks. Start it with CONSOLE_TEST_HOOKS=1.")
        if answer.status != 200:
            raise HookRefused(json.loads(answer.text)["error"])
