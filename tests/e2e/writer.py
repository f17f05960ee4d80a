"""A client that writes documents continuously and counts those that the server has acknowledged."""

import threading
from typing import Self

from pymongo.errors import PyMongoError

from tests.e2e.console import connect


class Writer:
    """Inserts {_id: 0, 1, 2, ...}, each into two databases in turn, until the `with` block ends.

    The document goes to `first` before `second`: in a consistent cut, `first` has the same documents as
    `second` or exactly one more, and no number is missing in either.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged = 0
        self.error: PyMongoError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _write(self) -> None:
        with connect(self.port) as client:
            while not self._stop.is_set():
                document = {"_id": self.acknowledged, "text": "x" * 200}
                try:
                    client["first"]["numbers"].insert_one(dict(document))
                    client["second"]["numbers"].insert_one(dict(document))
                except PyMongoError as error:
                    self.error = error
                    return
                self.acknowledged += 1
