"""Imported by every Python process that has this folder on its PYTHONPATH: its wall clock is so many seconds ahead.

The monotonic clock, which intervals are measured by, is left alone.
"""

import os
import time

import time_machine

# A bare number: with a datetime, time-machine would change the process's time zone too.
time_machine.travel(time.time() + float(os.environ["SECONDS_AHEAD"]), tick=True).start()
