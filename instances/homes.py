"""Where the files of instances and of running jobs are on their host."""

import shutil
from pathlib import Path

from django.conf import settings

_INSTANCES = "instances"
_STAGING = "staging"


def instance_home(instance_id: str) -> Path:
    return Path(settings.CONSOLE_HOME) / _INSTANCES / instance_id


def instance_homes() -> Path:
    """The directory that holds the homes of this host's instances."""
    return Path(settings.CONSOLE_HOME) / _INSTANCES


def staging_root() -> Path:
    """The directory that running jobs copy into."""
    return Path(settings.CONSOLE_HOME) / _STAGING


def prepare_host() -> None:
    """Make the directories, and remove what jobs left in staging when their agent died. No job may run."""
    for directory in (instance_homes(), staging_root()):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for leftover in staging_root().iterdir():
        # Not the directory itself: another disk may be mounted there.
        shutil.rmtree(leftover, ignore_errors=True)
