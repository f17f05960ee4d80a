"""The cache of lists, whose entries expire on time even if the clock is set back."""

import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache


class MonotonicCache(LocMemCache):
    def get_backend_timeout(self, timeout: Any = DEFAULT_TIMEOUT) -> float | None:
        if timeout == DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return None if timeout is None else time.monotonic() + timeout

    def _has_expired(self, key: str) -> bool:
        expires: float | None = self._expire_info.get(key, -1)  # type: ignore[attr-defined]
        return expires is not None and expires <= time.monotonic()
