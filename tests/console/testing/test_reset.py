"""`manage.py reset` without an agent; tests/e2e/test_seed.py tests it with a running tree."""

import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from backups import history
from backups.models import Backup, BackupTally, StorageSample
from console.accounts.models import FailedAttempts
from console.accounts.roles import Role
from console.audit.models import AuditEvent
from console.notifications.models import Channel, Delivery, Event
from console.processes import locks
from instances.choices import Action, JobStatus
from instances.engines.embedded import process
from instances.homes import instance_home
from instances.models import Host, Instance, Job
from tests.console.notifications.channels import make_channel, offline
from tests.factories import make_backup, make_host, make_instance, make_job, make_policy, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, folder: Path, tmp_path: Path) -> Path:
    settings.CONSOLE_HOME = tmp_path
    return tmp_path


def reset(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("reset", *arguments, stdout=out, **options)
    return out.getvalue()


def full() -> None:
    """Fill the console with rows, files and jobs in progress; their agent has died."""
    instance = make_instance(action=Action.BACKUP)
    make_policy(instance)
    process.prepare(instance_home(instance.id))
    (process.data_dir(instance_home(instance.id)) / "shop.db").write_bytes(b"documents")
    job = make_job(instance=instance, status=JobStatus.RUNNING, started=timezone.now(), lease_until=timezone.now())
    make_backup(instance, status="BUILDING", job=job)
    kept = make_backup(instance, locked=True, uses=1)
    storages["backups"].save(kept.archive_name, ContentFile(b"archive"))
    make_backup(instance)
    history.note_ends([kept])
    history.sample_storage("local", timezone.now())
    make_host("elsewhere", seen=None)
    FailedAttempts.objects.create(name="somebody", failures=5, ends=timezone.now())
    make_channel()
    offline(lasting="host:elsewhere")


def test_a_reset_leaves_only_the_administrator(home: Path) -> None:
    full()
    make_user(username="root")
    make_user(role=Role.READ_ONLY)
    said = reset("--yes-destroy", str(home))
    assert said == f"The console in {home} is empty.\n"
    gone = (Instance, Backup, BackupTally, StorageSample, Job, Host, FailedAttempts, Channel, Delivery, Event)
    for model in gone:
        assert model._default_manager.count() == 0, model
    assert [user.username for user in User.objects.all()] == ["root"]
    assert [event.trace for event in AuditEvent.objects.all()] == ["consoleReset"]
    left = sorted(path.name for path in home.rglob("*") if not path.name.endswith(".lock"))
    assert left == ["backups", "credentials.key"]
    assert reset("--yes-destroy", str(home)) == said


@pytest.mark.parametrize("named", [[], ["--yes-destroy", "/"], ["--yes-destroy", "elsewhere"]])
def test_a_reset_is_refused_unless_the_home_is_named(named: list[str], home: Path) -> None:
    full()
    with pytest.raises(CommandError) as refused:
        reset(*named)
    assert f"manage.py reset --yes-destroy {home}" in str(refused.value)
    assert Instance.objects.count() == 1 and Backup.objects.count() == 3
    assert storages["backups"].listdir("")[1] != []


def test_with_hooks_on_the_home_need_not_be_named(settings: Any) -> None:
    settings.CONSOLE_TEST_HOOKS = True
    full()
    reset()
    assert Instance.objects.count() == 0


def test_a_reset_leaves_files_that_a_server_is_still_using(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full()
    monkeypatch.setattr(process.exclusive.__dict__["__wrapped__"], "__kwdefaults__", {"seconds": 0.1})
    instance = Instance.objects.get()
    lock = locks.acquire(instance_home(instance.id) / process.LOCK_NAME)
    assert lock
    with lock, pytest.raises(CommandError, match="is still using the files"):
        reset("--yes-destroy", str(home))
    assert Instance.objects.count() == 1
    assert (process.data_dir(instance_home(instance.id)) / "shop.db").exists()


def test_a_reset_gives_up_if_up_runs_without_its_agent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.management.commands.reset._AGENT_SECONDS", 0.1)
    up = locks.acquire(locks.of_up(home))
    assert up
    with up, pytest.raises(CommandError, match="its agent is not"):
        reset("--yes-destroy", str(home))


def test_a_reset_is_refused_while_a_seeding_runs(home: Path) -> None:
    held = locks.acquire(home / "seed.lock")
    assert held
    with held, pytest.raises(CommandError, match="A seeding is running"):
        reset("--yes-destroy", str(home))


def test_no_agent_can_start_during_a_reset(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = threading.Event()

    def look(*_: object, **__: object) -> None:
        for path in (locks.of_up(home), locks.of_agent(home, "local")):
            assert locks.acquire(path) is None
        seen.set()

    monkeypatch.setattr("console.management.commands.reset.backups_emptying.empty", look)
    reset("--yes-destroy", str(home))
    assert seen.is_set()
