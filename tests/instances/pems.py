"""PEM texts that no certificate authority would give out."""

import datetime
from pathlib import Path

import time_machine

from tests.certificates import certificate


def expired(directory: Path) -> str:
    """Return a certificate with its key, expired a year ago."""
    with time_machine.travel(datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=366)):
        path = certificate(directory / "expired.pem", names=["client"])
    return path.read_text() + path.with_suffix(".key").read_text()
