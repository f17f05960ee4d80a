import logging

import pytest

from console.processes.outages import Outages

log = logging.getLogger("outages")


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outages = Outages(log)
    for _ in range(2):
        outages.end("store", "The store responds again.")
        for _ in range(3):
            outages.begin("store", "The store does not respond.")
            outages.begin("store", "The store refuses the key.")
        outages.end("store", "The store responds again.")
    assert caplog.messages == 2 * [
        "The store does not respond.",
        "The store refuses the key.",
        "The store responds again.",
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_an_unexpected_error_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    outages = Outages(log)
    for _ in range(2):
        try:
            raise ValueError("oh")
        except ValueError as error:
            outages.begin("task", "The task failed", repr(error), traceback=True)
    [record] = caplog.records
    assert record.message == "The task failed (ValueError('oh'))"
    assert record.exc_info and record.levelname == "ERROR"
