"""A full disk is named as the reason, whatever the driver or the server says about it."""

import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from instances.engines.base import EngineError
from instances.engines.base import Server as Address
from instances.engines.embedded import client, process

_Usage = namedtuple("_Usage", "total used free")
FULL = "The disk of the database server is full. Make room on it and try again."


@pytest.fixture()
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(2**30, 2**30 - 4096, 4096))


def sentence(error: PyMongoError, home: Path) -> str:
    with pytest.raises(EngineError) as failed, client.explained(Address(8635, home)):
        raise error
    return str(failed.value)


def failure(name: str) -> OperationFailure:
    return OperationFailure("No.", 1, {"codeName": name, "errmsg": "No."})


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize(
    "error", [AutoReconnect("closed"), failure(""), failure("InternalError"), failure("BackupHasEnded")]
)
def test_an_error_without_a_reason_on_a_full_disk_names_the_disk(error: PyMongoError, tmp_path: Path) -> None:
    assert sentence(error, tmp_path) == FULL


@pytest.mark.usefixtures("full_disk")
def test_a_reason_of_the_server_is_kept_on_a_full_disk(tmp_path: Path) -> None:
    assert sentence(failure("Unauthorized"), tmp_path) == "The database server refused: No."


def test_an_error_with_room_on_the_disk_does_not_name_the_disk(tmp_path: Path) -> None:
    assert sentence(AutoReconnect("closed"), tmp_path) == "The database server is not responding on port 8635."


@pytest.mark.usefixtures("full_disk")
def test_a_server_that_could_not_write_its_last_words_is_said_to_be_on_a_full_disk(tmp_path: Path) -> None:
    assert process.last_words(tmp_path) == FULL
    assert not process.rejected_files(tmp_path)


def test_a_server_whose_log_cannot_be_written_still_ends() -> None:
    """A full disk holds the log too."""
    program = "from launcher.panic import say; say('The database server ended.'); print('went on')"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-P", "-c", program],
            env={"PYTHONPATH": process._ROOM},
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
        )
    assert ended.stdout == "went on\n"
