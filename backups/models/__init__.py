"""The models of backups, policies and restorations, and of the statistics on them. They import no view code."""

from backups.models.backup import DAMAGED, Backup, BackupQuerySet, new_backup_id
from backups.models.data_sample import DataSample
from backups.models.policy import EVERY_DAY, Policy, PolicyQuerySet, weekdays_text, window_label
from backups.models.restoration import Restoration, RestorationQuerySet
from backups.models.storage_sample import StorageSample, Stored
from backups.models.tally import BackupTally

__all__ = [
    "DAMAGED",
    "EVERY_DAY",
    "Backup",
    "BackupQuerySet",
    "BackupTally",
    "DataSample",
    "Policy",
    "PolicyQuerySet",
    "Restoration",
    "RestorationQuerySet",
    "StorageSample",
    "Stored",
    "new_backup_id",
    "weekdays_text",
    "window_label",
]
