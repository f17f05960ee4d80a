"""Imported by every Python process that has this folder on its PYTHONPATH: its wall clock is so many seconds ahead.

The monotonic clock, which intervals are measured by, is left alone.
"""

import os
from datetime import UTC, datetime, timedelta

import time_machine

time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(os.environ["SECONDS_AHEAD"])), tick=True).start()
