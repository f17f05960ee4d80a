"""The paths of the files of instances and running jobs on their host."""

import shutil
from pathlib import Path

from django.conf import settings

_INSTANCES = "instances"
_STAGING = "staging"


def instance_home(instance_id: str) -> Path:
    return Path(settings.CONSOLE_HOME) / _INSTANCES / instance_id


def instance_homes() -> Path:
    """Return the directory that holds the homes of this host's instances."""
    return Path(settings.CONSOLE_HOME) / _INSTANCES


def staging_root() -> Path:
    """Return the directory that running jobs copy into."""
    return Path(settings.CONSOLE_HOME) / _STAGING


def prepare_host() -> None:
    """Create the directories, and remove files that dead agents' jobs left in staging. Call only while no job runs."""
    for directory in (instance_homes(), staging_root()):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for leftover in staging_root().iterdir():
        # Keep the directory itself: another disk may be mounted there.
        shutil.rmtree(leftover, ignore_errors=True)
