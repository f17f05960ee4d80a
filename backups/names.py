"""The names of the backups that the console makes by itself."""

from datetime import UTC, datetime

from console.text.name_rule import NAME_MAX_LENGTH

AUTOMATED, BEFORE_RESTORE, FINAL = "auto", "before-restore", "final"


def timed_name(prefix: str, instance_name: str, now: datetime) -> str:
    """Return <prefix>-<instance's name>-<yyyymmdd>-<hhmmss>, in UTC.

    If that is longer than names may be, the instance's name loses its end; the time is always whole.
    """
    time = f"{now.astimezone(UTC):%Y%m%d-%H%M%S}"
    room = NAME_MAX_LENGTH - len(f"{prefix}--{time}")
    return f"{prefix}-{instance_name[:room]}-{time}"
