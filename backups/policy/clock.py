"""The clock that decides when backup windows start and when backups expire: settings.BACKUP_CLOCK."""

from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string


def now() -> datetime:
    moment: datetime = import_string(settings.BACKUP_CLOCK)()
    return moment
