"""Times of past events that lie in the future: a clock was wrong when they were written, or is wrong now.

Such a time is unknown. It must neither hide anything that is late nor last until the clock arrives there. It is not
overwritten either, because it is right if the present clock is the wrong one.
"""

from datetime import datetime, timedelta

# The clocks of hosts may differ by a second or two; allow for more.
TOLERANCE = timedelta(minutes=1)


def latest(now: datetime) -> datetime:
    """Return the latest time that can be written for an event that has happened. Use it in conditions of queries."""
    return now + TOLERANCE


def is_ahead(when: datetime, now: datetime) -> bool:
    """Return whether the time of a past event lies in the future, and is therefore unknown."""
    return when > latest(now)
