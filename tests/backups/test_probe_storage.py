"""The test of the storage: its service, its dialog, and the agent's job."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.jobs.probe_storage import ProbeStorage
from backups.services.probe_storage import probe_storage
from backups.storage.folder import FolderStorage
from console.accounts.roles import NotAllowed, Role
from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances.choices import JobKind, JobStatus
from instances.models import Job
from tests.at_once import at_once
from tests.factories import make_host, make_user
from tests.jobs import claimed, do, fail

pytestmark = pytest.mark.django_db


def url(host: str = "local") -> str:
    return reverse("storage-test", args=[host])


def requested(user: User) -> Job:
    return probe_storage(host=make_host(), requested_by=user)


# --- The service and the dialog --------------------------------------------------------------------------


def test_ok_queues_the_test_on_that_host_and_is_audited(htmx: Client, user: User) -> None:
    make_host("elsewhere")
    make_host()
    assert "<strong>elsewhere</strong>" in htmx.get(url("elsewhere")).content.decode()
    answer = htmx.post(url("elsewhere"))
    assert answer.status_code == 204
    assert json.loads(answer.headers["HX-Trigger"])["toast"]["message"] == "Testing the storage from host elsewhere."
    job = Job.objects.get()
    assert (job.kind, job.host_id, job.requested_by) == (JobKind.TEST_STORAGE, "elsewhere", user)
    event = AuditEvent.objects.latest("id")
    assert (event.trace, event.resource_type, event.resource_name) == ("consoleTestStorage", "host", "elsewhere")


def test_a_second_test_and_an_offline_host_are_refused(htmx: Client, user: User) -> None:
    requested(user)
    answer = htmx.post(url())
    assert answer.status_code == 422 and "already running on this host" in answer.content.decode()
    make_host("gone", seen=timezone.now() - timedelta(hours=1))
    assert "is offline" in htmx.get(url("gone")).content.decode()
    assert htmx.post(url("gone")).status_code == 422
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_the_same_instant_are_one_test() -> None:
    make_host()
    user = make_user()

    def request(_number: int) -> bool:
        try:
            requested(user)
        except Refused:
            return False
        return True

    assert sorted(at_once(2, request)) == [False, True]


def test_other_roles_unknown_hosts_wrong_methods_and_anonymous_users_are_rejected(htmx: Client, client: Client) -> None:
    make_host()
    with pytest.raises(NotAllowed):
        requested(make_user(Role.BACKUP_OPERATOR))
    assert htmx.post(url("nowhere")).status_code == 404
    assert htmx.put(url()).status_code == 405
    assert client.post(url()).status_code == 302
    assert not Job.objects.exists()


# --- The job -----------------------------------------------------------------------------------------------


def test_the_agent_writes_reads_compares_and_deletes(user: User, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("save", "open", "delete"):
        inner = getattr(FolderStorage, name)

        def noted(self: Any, file: str, *args: Any, inner: Any = inner, name: str = name) -> Any:
            done.append(name)
            return inner(self, file, *args)

        monkeypatch.setattr(FolderStorage, name, noted)
    requested(user)
    job = do()
    assert (job.status, job.failure, job.left_behind) == (JobStatus.COMPLETED, "", False)
    assert done == ["save", "open", "delete"] and files(folder) == []


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "storage-test" in path.name]


def failing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the first call of the storage's method fail."""
    inner, calls = getattr(FolderStorage, name), []

    def method(self: Any, *args: Any) -> Any:
        calls.append(name)
        if len(calls) == 1:
            raise OSError(5, "Input/output error")
        return inner(self, *args)

    monkeypatch.setattr(FolderStorage, name, method)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("save", "The storage cannot be written: Input/output error."),
        ("open", "What was written to the storage cannot be read: Input/output error."),
        ("delete", "What was written to the storage cannot be deleted: Input/output error."),
    ],
)
def test_a_failure_says_what_failed_and_leaves_nothing(
    user: User, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    failing(monkeypatch, name)
    requested(user)
    job = do()
    assert (job.status, job.failure) == (JobStatus.FAILED, sentence)
    assert not folder.exists() or files(folder) == []


def test_other_content_than_was_written_is_noticed(user: User, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = FolderStorage.open

    def damaged(self: Any, name: str, mode: str = "rb") -> Any:
        Path(self.path(name)).write_bytes(b"other")
        return inner(self, name, mode)

    monkeypatch.setattr(FolderStorage, "open", damaged)
    requested(user)
    assert "returned something else" in do().failure
    assert files(folder) == []


def test_a_killed_agent_leaves_nothing_behind(user: User, folder: Path) -> None:
    requested(user)
    job = claimed()
    folder.mkdir()
    for name in (f"storage-test-{job.pk}", f".storage-test-{job.pk}.part"):
        (folder / name).write_bytes(b"half")
    fail(job, "The agent stopped.", interrupted=True)
    ProbeStorage(job).clean_up()
    assert files(folder) == []
