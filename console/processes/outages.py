"""Log an outage when it begins and when it ends, not each time that a loop notices it."""

import logging


class Outages:
    """The outages of one process, by a key such as "database". Any thread may call the methods."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        # The sentences that were logged in each outage. Different reasons may alternate, so all are kept.
        self._said: dict[str, set[str]] = {}

    def begin(self, key: str, sentence: str, details: str = "", *, traceback: bool = False) -> None:
        """Log the sentence with the details as a warning, unless the sentence was logged in this outage before.

        `traceback` is for errors that nobody expected: log an error with the traceback of the current exception.
        """
        said = self._said.setdefault(key, set())
        if sentence in said:
            return
        said.add(sentence)
        level = logging.ERROR if traceback else logging.WARNING
        self._log.log(level, "%s", f"{sentence} ({details})" if details else sentence, exc_info=traceback)

    def end(self, key: str, sentence: str) -> None:
        """Log the sentence if the outage had begun."""
        if self._said.pop(key, None):
            self._log.info("%s", sentence)
