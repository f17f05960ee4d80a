"""What a list's refresh costs when nothing has changed: 204 and at most two queries besides session and user."""

from typing import Any

import pytest
from django.test import Client

from backups.choices import BackupStatus
from instances.choices import Action, JobKind, JobStatus
from tests.factories import make_backup, make_instance, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def addresses() -> list[str]:
    """Of every list that polls, with a backup in progress and thirty that have ended."""
    instance = make_instance(action=Action.BACKUP)
    for _ in range(30):
        make_backup(instance, job=make_job(instance=instance, kind=JobKind.BACKUP))
    job = make_job(instance=instance, kind=JobKind.BACKUP, status=JobStatus.RUNNING, progress=10)
    backup = make_backup(instance, status=BackupStatus.BUILDING, job=job)
    return [
        *("/instances/", f"/instances/{instance.id}/", f"/instances/{instance.id}/backups/"),
        *("/backups/", "/backups/?type=ReplicaSet", "/backups/?size=50", f"/backups/{backup.id}/"),
        *("/tasks/", "/tasks/?status=Running"),
    ]


def test_nothing_new_is_204_for_two_queries(
    htmx: Client, addresses: list[str], django_assert_max_num_queries: Any
) -> None:
    for address in addresses:
        html = htmx.get(address).content.decode()
        assert "every 1s" in html, address
        version = html.split('data-version="')[1].split('"')[0]
        with django_assert_max_num_queries(4):  # the session and its user, and two
            answer = poll(htmx, address, version)
        assert answer.status_code == 204, address


def poll(client: Client, address: str, version: str) -> Any:
    return client.get(f"{address}{'&' if '?' in address else '?'}version={version}")
