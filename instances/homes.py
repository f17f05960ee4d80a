"""Where an instance's files are on its host."""

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
    """The directory that running jobs copy into. Whatever is there when the agent starts is left over."""
    return Path(settings.CONSOLE_HOME) / _STAGING
