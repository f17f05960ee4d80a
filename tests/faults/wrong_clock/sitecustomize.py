"""Imported by every Python process that has this folder on its PYTHONPATH: its wall clock goes wrong when told to.

The console asks django.utils.timezone.now() what time it is, or time.time(). The file that WRONG_CLOCK names says by
how many seconds that is off; intervals are measured by the monotonic clock, which does not jump.
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
