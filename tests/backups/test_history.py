"""Records of past events: tallies of backups, the last backup of an instance, storage samples."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from backups import history
from backups.archive import Written
from backups.choices import BackupStatus
from backups.jobs.archiving import Made
from backups.jobs.delete import DeleteBackup
from backups.models import Backup, BackupTally, DataSample, StorageSample
from backups.services.cancel import cancel_backup
from backups.services.create import create_backup
from backups.services.delete import delete_backup
from instances.choices import JobKind
from instances.engines.base import Contents
from instances.models import Instance, Job
from tests import jobs
from tests.backups.archive.archives import MANIFEST
from tests.factories import make_backup, make_host, make_instance

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)


def begin(instance: Instance, name: str = "nightly") -> Backup:
    """Return a backup whose job is running."""
    backup = create_backup(instance=instance, name=name, requested_by=None)
    jobs.claimed(instance.host_id)
    return Backup.objects.get(pk=backup.pk)


def complete(backup: Backup) -> None:
    job = Job.objects.get(backup=backup)
    manifest = replace(MANIFEST, cut_at=timezone.now())
    written = Written(size=5, data_size=5, sha256="0" * 64, contents=Contents(()))
    assert jobs.complete(job, Made(written, manifest, 0.01))


def fail(backup: Backup) -> None:
    assert jobs.fail(Job.objects.get(backup=backup), "The disk is full.")


def tallies() -> tuple[int, int]:
    rows = BackupTally.objects.values_list("completed", "failed")
    return sum(done for done, _ in rows), sum(failed for _, failed in rows)


def last_backup(instance: Instance) -> datetime | None:
    return Instance.objects.get(pk=instance.pk).last_backup_at


@pytest.mark.parametrize(("end", "expected"), [(complete, (1, 0)), (fail, (0, 1))])
def test_a_backup_that_has_ended_is_counted_once_in_the_quarter_hour_it_started_in(
    end: Callable[[Backup], None], expected: tuple[int, int]
) -> None:
    backup = begin(make_instance())
    end(backup)
    assert tallies() == expected
    another = begin(make_instance())
    Backup.objects.filter(pk=another.pk).update(started=backup.started)
    end(another)
    assert tallies() == (2 * expected[0], 2 * expected[1])
    assert BackupTally.objects.get().quarter == history.quarter(backup.started)


def test_a_cancelled_backup_is_not_counted_as_failed() -> None:
    backup = create_backup(instance=make_instance(), name="unwanted", requested_by=None)
    cancel_backup(backup=backup, requested_by=None)
    assert not BackupTally.objects.exists()


def test_a_deleted_backup_is_still_counted() -> None:
    backup = begin(make_instance())
    complete(backup)
    delete_backup(backup=Backup.objects.get(pk=backup.pk), requested_by=None)
    run_deletion()
    assert not Backup.objects.exists() and tallies() == (1, 0)


def run_deletion(*, failing: bool = False) -> None:
    job = jobs.claimed()
    assert job.kind == JobKind.DELETE_BACKUP
    assert jobs.fail(job, "Gone wrong.") if failing else jobs.complete(job)


def test_the_last_backup_is_the_newest_complete_one() -> None:
    instance = make_instance()
    first = begin(instance)
    complete(first)
    assert last_backup(instance) == first.started
    second = begin(instance)
    assert last_backup(instance) == first.started
    fail(second)
    assert last_backup(instance) == first.started
    third = begin(instance)
    complete(third)
    assert last_backup(instance) == third.started > first.started


def test_deleting_the_newest_backup_makes_the_previous_one_the_last() -> None:
    instance = make_instance()
    old = make_backup(instance, started=NOW - timedelta(days=2))
    new = make_backup(instance, started=NOW)
    history.note_newest(instance.id)
    assert last_backup(instance) == NOW
    delete_backup(backup=new, requested_by=None)
    assert last_backup(instance) == old.started
    delete_backup(backup=old, requested_by=None)
    assert last_backup(instance) is None


def test_after_a_failed_deletion_an_intact_backup_is_the_last_backup_again(monkeypatch: Any) -> None:
    instance = make_instance()
    backup = make_backup(instance, started=NOW, sha256="0" * 64)
    delete_backup(backup=backup, requested_by=None)
    run_deletion(failing=True)
    assert last_backup(instance) is None
    monkeypatch.setattr("backups.jobs.delete._has_whole_archive", lambda backup: True)
    DeleteBackup(Job.objects.get(backup=backup)).clean_up()
    assert Backup.objects.get(pk=backup.pk).status == BackupStatus.COMPLETED
    assert last_backup(instance) == NOW


def test_an_imported_archive_is_not_the_last_backup_of_the_instance() -> None:
    instance = make_instance()
    make_backup(instance, imported=timezone.now())
    history.note_newest(instance.id)
    assert last_backup(instance) is None


def test_backups_written_in_bulk_are_counted_like_single_ones() -> None:
    instance = make_instance()
    backups = [make_backup(instance, started=NOW - number * timedelta(minutes=10)) for number in range(5)]
    backups += [make_backup(instance, started=NOW, status=BackupStatus.FAILED)]
    backups += [make_backup(instance, started=NOW, status=BackupStatus.BUILDING)]
    backups += [make_backup(instance, started=NOW, status=BackupStatus.DELETING)]
    history.note_ends(backups)
    assert tallies() == (6, 1) and BackupTally.objects.count() == 4
    assert last_backup(instance) == NOW


# --- Storage ----------------------------------------------------------------------------------------------


def test_a_sample_has_the_sizes_of_the_hosts_archives_and_instances() -> None:
    instance = make_instance(storage_bytes=1000)
    make_backup(instance, size=30)
    make_backup(instance, size=12)
    elsewhere = make_instance(host=make_host("elsewhere"), storage_bytes=7)
    make_backup(elsewhere, size=5)
    history.sample_storage("local", NOW)
    sample = StorageSample.objects.get()
    assert (sample.archives, sample.data, sample.host_id) == (42, 1000, "local")


def test_within_an_hour_the_sample_is_updated_once_a_minute(django_assert_num_queries: Any) -> None:
    instance = make_instance(storage_bytes=1)
    history.sample_storage("local", NOW)
    Instance.objects.filter(pk=instance.pk).update(storage_bytes=2)
    with django_assert_num_queries(1):
        history.sample_storage("local", NOW + timedelta(seconds=59))
    assert StorageSample.objects.get().data == 1
    history.sample_storage("local", NOW + timedelta(seconds=61))
    assert StorageSample.objects.get().data == 2
    history.sample_storage("local", NOW + timedelta(minutes=50))
    assert StorageSample.objects.count() == 2


def test_old_records_are_deleted() -> None:
    make_host()
    for age in (timedelta(days=61), timedelta(days=59)):
        BackupTally.objects.create(quarter=history.quarter(NOW - age))
        history.sample_storage("local", NOW - age)
    history.sample_storage("local", NOW)
    assert BackupTally.objects.count() == 1 and StorageSample.objects.count() == 2


def test_data_is_unknown_until_a_server_has_been_measured() -> None:
    instance = make_instance(storage_bytes=None)
    history.sample_storage("local", NOW)
    assert StorageSample.objects.get().data is None
    Instance.objects.filter(pk=instance.pk).update(storage_bytes=7)
    # A known figure replaces the unknown one at once.
    history.sample_storage("local", NOW + timedelta(seconds=5))
    assert StorageSample.objects.get().data == 7


def test_a_host_without_instances_has_no_data() -> None:
    make_host()
    history.sample_storage("local", NOW)
    assert StorageSample.objects.get().data == 0


# --- The data of each instance --------------------------------------------------------------------------------


def test_the_data_of_each_instance_is_kept_for_each_day() -> None:
    instance = make_instance(storage_bytes=100)
    make_instance(storage_bytes=None)
    history.sample_data("local", NOW)
    Instance.objects.update(storage_bytes=300)
    history.sample_data("local", NOW + timedelta(hours=1))
    Instance.objects.filter(pk=instance.pk).update(storage_bytes=500)
    history.sample_data("local", NOW + timedelta(days=1))
    own = DataSample.objects.of(instance.id).order_by("day")
    assert list(own.values_list("taken", "data")) == [
        (NOW + timedelta(hours=1), 300),
        (NOW + timedelta(days=1), 500),
    ]


def test_data_is_sampled_with_the_first_sample_of_an_hour_and_forgotten_after_the_storages() -> None:
    make_instance(storage_bytes=100)
    history.sample_data("local", NOW - history.KEPT - timedelta(days=2))
    history.sample_storage("local", NOW)
    assert [taken for taken, _data in DataSample.objects.values_list("taken", "data")] == [NOW]
