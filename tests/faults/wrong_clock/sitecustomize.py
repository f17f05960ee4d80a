"""Shift the wall clock of every Python process that has this folder on its PYTHONPATH.

The console gets the time from django.utils.timezone.now() or time.time(). The file that WRONG_CLOCK names contains the
number of seconds to add to both. Intervals are measured with the monotonic clock, which does not jump.
"""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

_right_now, _right_time, _file = timezone.now, time.time, Path(os.environ["WRONG_CLOCK"])


def _off() -> float:
    return float(_file.read_text())


def _now() -> datetime:
    return _right_now() + timedelta(seconds=_off())


timezone.now, time.time = _now, lambda: _right_time() + _off()
