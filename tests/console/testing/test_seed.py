"""`manage.py seed`: the same rows every time, with real servers and archives."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from backups import archive
from backups.choices import BackupStatus, BackupType, RestorationStatus
from backups.models import Backup, BackupTally, Policy, Restoration, StorageSample
from backups.policy import automation
from console.accounts.roles import Role, roles_of
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.testing.seed.console import Seed
from instances.choices import JobKind, JobStatus, Status
from instances.engines import embedded
from instances.engines.embedded import process, scratch_server
from instances.homes import instance_home
from instances.models import Instance, Job
from instances.queue import leases
from tests.factories import make_user
from tests.jobs import fail_unrenewed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, folder: Path, tmp_path: Path) -> Iterator[Path]:
    settings.CONSOLE_HOME = tmp_path
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed", **({"now": NOW} | options), password="correct horse", stdout=out)
    return out.getvalue()


def rows() -> list[list[Any]]:
    return [
        list(Instance.objects.order_by("id").values_list("id", "name", "type", "state", "action", "created")),
        list(Backup.objects.order_by("id").values_list("id", "name", "status", "type", "started", "ended", "locked")),
        list(Job.objects.order_by("id").values_list("id", "kind", "status", "created", "ended", "failure")),
        list(Policy.objects.order_by("instance").values_list("instance", "enabled", "keep_days", "weekdays")),
        list(Restoration.objects.order_by("backup").values_list("backup", "target_uid", "way", "status")),
    ]


def test_the_same_seed_makes_the_same_rows_and_another_seed_makes_others(settings: Any, home: Path) -> None:
    seed(seed=7, backups=4)
    first = rows()
    call_command("reset", yes_destroy=home, stdout=StringIO())
    assert [len(each) for each in rows()] == [0, 0, 0, 0, 0]
    seed(seed=7, backups=4)
    assert rows() == first
    seed(seed=8, backups=2)
    assert Instance.objects.filter(name="abnormal").count() == 2
    with pytest.raises(CommandError, match="what the seed 7 makes already"):
        seed(seed=7, backups=9)


def test_the_front_page_has_figures_of_the_seeded_rows() -> None:
    seed(backups=9)
    ended = Backup.objects.exclude(status__in=[BackupStatus.BUILDING, BackupStatus.CANCELLED])
    tallied = BackupTally.objects.aggregate(completed=Sum("completed"), failed=Sum("failed"))
    failed = ended.filter(status=BackupStatus.FAILED).count()
    assert tallied == {"completed": ended.count() - failed, "failed": failed}
    for instance in Instance.objects.all():
        newest = instance.backups.filter(status=BackupStatus.COMPLETED).first()
        assert instance.last_backup_at == (newest.started if newest else None), instance.name
    samples = StorageSample.objects.order_by("hour")
    archives = [sample.archives for sample in samples]
    assert len(archives) == 59 and archives == sorted(archives) and archives[-1] > archives[0] == 0
    assert {sample.data for sample in samples} == {samples[0].data} and (samples[0].data or 0) > 100_000


def test_a_backup_does_not_depend_on_the_number_of_backups() -> None:
    few, many = Seed(1, NOW), Seed(1, NOW)
    assert few.id("br02", "backup", 3) == many.id("br02", "backup", 3) != Seed(2, NOW).id("br02", "backup", 3)
    assert few.chance("x").random() == many.chance("x").random()


def test_every_status_is_seeded_and_none_changes_by_itself() -> None:
    make_user(username="root")
    # Now, because the agent deletes automated backups after two years.
    seed(backups=12, now=timezone.now())
    shown = {instance.status for instance in Instance.objects.all()}
    assert shown == set(Status) - {Status.AVAILABLE}
    assert set(Backup.objects.values_list("status", flat=True)) == set(BackupStatus.values)
    assert set(Backup.objects.values_list("type", flat=True)) == set(BackupType.values)
    # Only a reset cancels a restoration.
    restored = set(RestorationStatus.values) - {RestorationStatus.CANCELLED}
    assert set(Restoration.objects.values_list("status", flat=True)) == restored
    assert set(Job.objects.values_list("status", flat=True)) == set(JobStatus.values)
    # Only a logical backup can be restored to a deployment, and none is seeded.
    for kind in set(JobKind) - {JobKind.RESTORE_DEPLOYMENT}:
        statuses = set(Job.objects.filter(kind=kind).values_list("status", flat=True))
        assert statuses >= {JobStatus.COMPLETED, JobStatus.FAILED}, kind
        # An agent could run a waiting test of the storage, because it concerns no instance.
        assert len(statuses - {JobStatus.CANCELLED}) == (2 if kind is JobKind.TEST_STORAGE else 3), kind
    assert set(AuditEvent.objects.values_list("outcome", flat=True)) == {Outcome.SUCCEEDED, Outcome.REFUSED}
    assert {role for user in User.objects.all() for role in roles_of(user)} == set(Role)
    assert not Policy.objects.filter(enabled=True).exists()
    assert Policy.objects.count() == Instance.objects.count()

    # The periodic work of an agent and of the web process changes no row.
    before = rows()
    now = timezone.now()
    fail_unrenewed()
    automation.begin()
    automation.tend("local", now)
    assert leases.claim("local", now) is None
    assert rows() == before


def test_instances_and_archives_are_real() -> None:
    seed(instances=4, backups=6, documents=30)
    real = Instance.objects.filter(port__isnull=False).exclude(name__in=["abnormal", "restoration-failed"])
    assert real.count() == 4
    for instance in real:
        with scratch_server.running(instance_home(instance.id)) as server:
            found = embedded().inspect(server, lambda _done, _total: None)
        assert found.documents > 3000
        assert {"notes": 30}.items() <= {each.name: each.documents for each in found.databases[0].collections}.items()
    storage = storages["backups"]
    stored = {backup.archive_name: backup for backup in Backup.objects.filter(host="local", status="COMPLETED")}
    assert set(storage.listdir("")[1]) == set(stored)
    assert len(stored) == 9
    for name, backup in stored.items():
        manifest = archive.read_manifest(storage, name)
        assert (manifest.backup_id, manifest.instance_id, manifest.backup_name) == (
            *(backup.id, backup.instance_uid, backup.name),
        )
        assert storage.size(name) == backup.size
        # Read the whole archive and check its digest.
        unpacked = archive.unpack(
            storage, name, Path(storage.path(name)).with_name(backup.id), sha256=backup.sha256, progress=lambda *_: None
        )
        assert unpacked.contents.databases == backup.databases


def test_a_seeding_without_archives_says_so() -> None:
    said = seed(backups=1200, no_archives=True)
    assert "Their archives are not there" in said
    assert Backup.objects.count() == 1209
    assert storages["backups"].listdir("")[1] == []
    assert Backup.objects.filter(status=BackupStatus.COMPLETED, size__isnull=True).count() == 0


def test_a_failed_seeding_leaves_no_rows_and_no_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise archive.ArchiveError("full")

    monkeypatch.setattr("console.testing.seed.backups.archive.write", full)
    with pytest.raises(CommandError, match="full"):
        seed(backups=1)
    assert [len(each) for each in rows()] == [0, 0, 0, 0, 0]
    assert sorted(path.name for path in home.iterdir() if not path.name.endswith(".lock")) == ["instances"]
    assert list((home / "instances").iterdir()) == []


def test_a_seeding_replaces_files_that_a_killed_seeding_left(home: Path) -> None:
    left = Seed(1, NOW)
    archive_name = f"{left.id('br02', 'backup', 0)}.tar.zst"
    storages["backups"].save(archive_name, ContentFile(b"half"))
    data = process.data_dir(instance_home(left.id("in02", "instance", "shop-01")))
    data.mkdir(parents=True)
    (data / "stale.db").write_bytes(b"stale")
    (home / "seed").mkdir()
    seed(backups=1)
    size = storages["backups"].size(archive_name)
    assert size > 4 and size == Backup.objects.get(pk=left.id("br02", "backup", 0)).size
    assert not (data / "stale.db").exists() and (data / "WiredTiger").exists()
    assert not (home / "seed").exists()


@pytest.mark.parametrize("wrong", [{"instances": 0}, {"backups": -1}, {"documents": -1}])
def test_invalid_sizes_are_rejected(wrong: dict[str, int]) -> None:
    with pytest.raises(CommandError, match="--instances must be 1 or more"):
        seed(**wrong)


def test_a_time_without_a_zone_is_rejected() -> None:
    with pytest.raises(CommandError, match="--now"):
        call_command("seed", "--now", "2026-01-31T12:00:00")
