"""Verify, Restore to New and Import of a logical backup, with real archives; only servers and deployments are fake."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus
from backups.imports import import_archive
from backups.models import Backup, Restoration
from backups.services.create import create_backup
from backups.services.restore import restore_to_new_instance
from backups.services.verify import verify_backup
from console.text.messages import Message
from console.text.refused import Refused
from instances import engines
from instances.choices import JobStatus, State
from instances.engines.base import ONE_MOMENT, Collection, Contents, Database, EngineError, FilesDamaged, Server
from instances.engines.deployment.building import Lack
from instances.engines.deployment.mongodump import DumpDamaged, Namespace
from instances.engines.embedded import process
from instances.homes import instance_home, staging_root
from instances.models import Instance
from tests.backups.test_restore_jobs import WRONG, Servers, data, documents, ended
from tests.engines import FakeDeployment, FakeEngine, contents_of
from tests.factories import NEW_PASSWORD, make_deployment
from tests.jobs import do

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture(autouse=True)
def deployments(monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    made = FakeDeployment()
    monkeypatch.setitem(engines.ENGINES, "deployment", made)
    return made


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
def backup(engine: FakeEngine, deployments: FakeDeployment) -> Backup:
    """Return a logical backup with 10 documents."""
    deployment = make_deployment()
    deployments.data[deployment.address] = contents_of(shop__numbers=10)
    made = create_backup(instance=deployment.instance, name="nightly", requested_by=None)
    assert do().status == JobStatus.COMPLETED
    made.refresh_from_db()
    return made


def restored(backup: Backup, servers: Servers, *, password: str = "") -> Instance:
    """Restore the backup to a new instance, whatever comes of it; return the instance."""
    target = restore_to_new_instance(backup=backup, name="copy", requested_by=None, password=password).target
    assert target is not None
    ended(do(servers))
    target.refresh_from_db()
    return target


# --- Restore to New ------------------------------------------------------------------------------------------


def test_a_new_instance_has_the_documents_of_the_dump(backup: Backup, servers: Servers, engine: FakeEngine) -> None:
    target = restored(backup, servers, password=NEW_PASSWORD)
    assert (target.state, target.failure, target.is_deployment) == (State.AVAILABLE, "", False)
    assert documents(target) == 10 and target.port and target.password_set
    assert engine.passwords == {instance_home(target.id): NEW_PASSWORD}
    assert servers.running == {target.id: instance_home(target.id)}
    assert servers.scratch == [instance_home(target.id)], "no client could reach it before it was complete"


def test_without_a_password_nobody_can_sign_in_yet(backup: Backup, servers: Servers) -> None:
    target = restored(backup, servers)
    assert target.password_set is False
    # The server says itself what it is; the backup says what the deployment was.
    assert (target.engine, target.engine_version) == ("", "")


def refuse() -> None:
    raise EngineError("The disk is full.")


@pytest.mark.parametrize(("damage", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_archive_leaves_no_server_and_no_files(
    backup: Backup, servers: Servers, home: Path, damage: Callable[[Backup, Path], None], said: str
) -> None:
    damage(backup, home / "backups" / backup.archive_name)
    target = restored(backup, servers)
    assert target.state == State.CREATION_FAILED and said in target.failure
    assert not servers.running and not data(target).exists()
    backup.refresh_from_db()
    assert bool(backup.damage) is ("newer" not in said)


def test_a_load_that_fails_leaves_no_server_and_no_files(
    backup: Backup, servers: Servers, deployments: FakeDeployment
) -> None:
    deployments.loading = refuse
    target = restored(backup, servers)
    assert (target.state, target.failure) == (State.CREATION_FAILED, "The disk is full.")
    assert not servers.running and not data(target).exists()
    backup.refresh_from_db()
    assert backup.damage == ""


def test_a_dump_that_brings_less_than_it_lists_is_damaged(
    backup: Backup, servers: Servers, deployments: FakeDeployment
) -> None:
    deployments.brought = contents_of(shop__numbers=9)
    target = restored(backup, servers)
    assert target.state == State.CREATION_FAILED and "9 instead of 10" in target.failure
    backup.refresh_from_db()
    assert "9 instead of 10" in backup.damage


# --- Verify --------------------------------------------------------------------------------------------------


def verified(backup: Backup, servers: Servers) -> Backup:
    verify_backup(backup=backup, requested_by=None)
    do(servers)
    backup.refresh_from_db()
    assert not backup.verifying and not backup.in_use
    assert not servers.running and not list(staging_root().iterdir())
    return backup


def test_a_verified_backup_shows_what_a_client_would_see(backup: Backup, servers: Servers) -> None:
    verified(backup, servers)
    assert backup.verified_at and not backup.verify_failure and not backup.damage
    assert backup.verification["databases"] == {"shop": {"numbers": 10}}


@pytest.mark.parametrize(
    ("found", "said", "damaged"),
    [
        (contents_of(shop__numbers=9), "9 instead of 10", True),
        (FilesDamaged("An index is damaged."), "An index is damaged.", False),
        (EngineError("It does not answer."), "It does not answer.", False),
    ],
    ids=["fewer documents", "a bad server", "a silent server"],
)
def test_only_what_the_archive_is_to_blame_for_marks_it(
    backup: Backup, servers: Servers, engine: FakeEngine, found: object, said: str, damaged: bool
) -> None:
    engine.inspected = found  # type: ignore[assignment]
    verified(backup, servers)
    assert said in backup.verify_failure and bool(backup.damage) is damaged


def test_a_broken_dump_is_damaged(backup: Backup, servers: Servers, deployments: FakeDeployment) -> None:
    def broken() -> None:
        raise DumpDamaged(Message("deployment.dump_ends_early"))

    deployments.loading = broken
    verified(backup, servers)
    assert backup.damage == backup.verify_failure == str(Message("deployment.dump_ends_early"))


# --- Import --------------------------------------------------------------------------------------------------


@pytest.fixture
def scratch(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Collect the homes of the import's servers."""
    homes: list[Path] = []

    @contextmanager
    def run(home: Path) -> Iterator[Server]:
        homes.append(home)
        assert process.data_dir(home).is_dir()
        yield Server(1, home, private=True)

    monkeypatch.setattr(engine, "scratch", run)
    return homes


def exported(backup: Backup, directory: Path) -> Path:
    """Move the archive to where another console may find it, and forget the backup."""
    path = directory / backup.archive_name
    with storages["backups"].open(backup.archive_name) as file:
        path.write_bytes(file.read())
    storages["backups"].delete(backup.archive_name)
    Backup.objects.all().delete()
    return path


def test_a_logical_archive_is_imported_as_one(backup: Backup, scratch: list[Path], tmp_path: Path) -> None:
    path = exported(backup, tmp_path)
    made = import_archive(path=path, requested_by=None)
    assert (made.id, made.method, made.consistency) == (backup.id, backup.method, ONE_MOMENT)
    assert (made.status, made.databases) == (BackupStatus.COMPLETED, backup.databases)
    assert (made.engine, made.data_size, made.size) == ("MongoDB", backup.data_size, path.stat().st_size)
    assert len(scratch) == 1 and not scratch[0].exists()


def test_a_logical_archive_that_cannot_be_loaded_is_rejected(
    backup: Backup, scratch: list[Path], tmp_path: Path, deployments: FakeDeployment
) -> None:
    deployments.loading = refuse
    path = exported(backup, tmp_path)
    with pytest.raises(Refused, match="The disk is full"):
        import_archive(path=path, requested_by=None)
    assert not Backup.objects.exists() and not storages["backups"].exists(backup.archive_name)
    assert not scratch[0].exists()


TEXT = Lack(Namespace("shop", "numbers"), "title_text")


def indexed(*indexes: str) -> Contents:
    """Return the contents of a collection that has these indexes too."""
    return Contents((Database("shop", (Collection("numbers", 10, tuple(sorted(["_id_", *indexes]))),)),))


@pytest.fixture
def with_text(deployments: FakeDeployment, engine: FakeEngine) -> Backup:
    """Return a backup with an index that the console's own server rejects."""
    deployment = make_deployment()
    deployments.data[deployment.address] = indexed("title_text")
    made = create_backup(instance=deployment.instance, name="nightly", requested_by=None)
    assert do().status == JobStatus.COMPLETED
    deployments.brought = engine.inspected = indexed()
    made.refresh_from_db()
    return made


def test_verify_says_what_it_could_not_check(
    with_text: Backup, deployments: FakeDeployment, servers: Servers, plain: Client
) -> None:
    deployments.lacks = [TEXT]
    verify_backup(backup=with_text, requested_by=None)
    assert do(servers).status == JobStatus.COMPLETED
    html = plain.get(with_text.get_absolute_url()).text
    assert "Not checked, because" in html and "shop.numbers (title_text)" in html


def test_an_index_that_is_missing_for_no_reason_is_a_difference(with_text: Backup, servers: Servers) -> None:
    verify_backup(backup=with_text, requested_by=None)
    job = do(servers)
    assert job.status == JobStatus.FAILED and "numbers" in job.failure


def test_a_restoration_says_what_the_new_instance_lacks(
    with_text: Backup, deployments: FakeDeployment, servers: Servers, plain: Client
) -> None:
    deployments.lacks = [TEXT]
    target = restored(with_text, servers)
    assert target.state == State.AVAILABLE
    assert "shop.numbers (title_text)" in Restoration.objects.get().note
    assert "shop.numbers (title_text)" in plain.get(reverse("backups:instance", args=[target.pk])).text
