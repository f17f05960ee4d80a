"""The facts that a server reports, as the columns of its instance."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.db import models

from instances.engines.base import Facts
from instances.models import Instance

# An existing deployment may say anything; the manifest of a backup accepts these characters of it.
_FOREIGN = re.compile(r"[^0-9A-Za-z .+_-]")


def columns_of(seen: Facts, now: datetime) -> dict[str, Any]:
    """Return the values of the instance's columns."""
    type = {"type": seen.instance_type} if seen.instance_type else {}
    return {
        **type,
        "engine": _word("engine", seen.engine),
        "engine_version": _word("engine_version", seen.engine_version),
        "storage_engine": _word("storage_engine", seen.storage_engine),
        "compatible_version": _word("compatible_version", seen.compatible_version),
        "storage_bytes": seen.storage_bytes,
        "documents": seen.documents,
        "connections": seen.connections,
        "started": now - timedelta(seconds=seen.uptime_seconds),
        "facts_at": now,
    }


def _word(column: str, text: str) -> str:
    field = Instance._meta.get_field(column)
    assert isinstance(field, models.CharField)
    return _FOREIGN.sub("", text)[: field.max_length].strip(" ._-")
