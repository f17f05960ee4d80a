"""What a test may have the console do otherwise than it would. Only a console with CONSOLE_TEST_HOOKS=1 listens."""

import json
from typing import Protocol

from console.testing.session import Session


class HookRefused(Exception):
    """The console did not do it; the message is its reason."""


class _Row(Protocol):
    @property
    def id(self) -> str: ...


def _id(instance: str | _Row) -> str:
    return instance if isinstance(instance, str) else instance.id


class Hooks:
    """As the administrator, in a session of its own. Everything holds until clear(), also over a restart."""

    def __init__(self, url: str) -> None:
        self._session = Session(url)
        self._signed_in = False

    def slow_next_backup(self, bytes_per_second: int) -> None:
        """The next backup that begins copies so many bytes a second. It can be cancelled as ever."""
        self._post("slow-next-backup", bytes_per_second=bytes_per_second)

    def fail_next_backup(self, *, at: int) -> None:
        """The next backup that begins ends as Failed when it has come to so many percent."""
        self._post("fail-next-backup", percent=at)

    def move_clock(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """Move the clock that windows and retention go by on from where it is, or back.

        For a window use move_to_next_window(): no number of hours leads into one at every hour of the day.
        """
        self._post("move-clock", seconds=round(((days * 24 + hours) * 60 + minutes) * 60))

    def move_to_next_window(self, instance: str | _Row) -> None:
        """Move that clock to the start of the next window of the instance (its id or its row), whatever the hour is.

        Its automated backup then starts within seconds. Refused while the instance's policy is off.
        """
        self._post("move-to-next-window", instance=_id(instance))

    def set_status(self, instance: str | _Row, status: str) -> None:
        """Have the instance (its id or its row) show the status (the API's code) until another is set.

        "normal" gives it back as it was. Its server goes on, whatever the status says.
        """
        self._post("set-status", instance=_id(instance), status=status)

    def clear(self) -> None:
        """Undo what the hooks did."""
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
