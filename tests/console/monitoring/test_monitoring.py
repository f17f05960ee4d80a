"""Data for monitoring systems: /readyz, /metrics, and the storage facts that an agent records."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from backups.choices import BackupStatus
from backups.storage.folder import FolderStorage
from console.monitoring import figures as monitoring
from console.notifications.models import Event
from console.processes.outages import Outages
from instances.choices import Action, JobKind, JobStatus
from instances.models import Host
from tests.factories import make_backup, make_host, make_instance, make_job

pytestmark = pytest.mark.django_db
TOKEN = "a-token"


@pytest.fixture
def host() -> Host:
    return make_host()


def scrape(client: Client) -> dict[tuple[str, ...], float]:
    """Return the metrics by (name, *label values)."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_the_console_is_ready_when_database_agent_and_storage_are(client: Client, host: Host) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "agent": "ok", "storage": "ok"})


def test_the_console_is_not_ready_without_an_agent(client: Client, host: Host) -> None:
    Host.objects.update(seen=timezone.now() - timedelta(minutes=1))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["agent"] == "No agent has sent a heartbeat for 15 seconds."


def test_the_console_is_not_ready_when_no_agent_can_write_archives(client: Client, host: Host) -> None:
    Host.objects.update(storage_failure="Read-only file system")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["storage"] == "No agent can write to the storage of the backups: Read-only file system."


@pytest.mark.django_db(transaction=True)
def test_the_console_is_not_ready_without_a_database(client: Client, host: Host) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE instances_host RENAME TO gone")
    try:
        answer = client.get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO instances_host")
    assert (answer.status_code, answer.json()) == (503, {"database": "The console database is not responding."})


def test_the_agent_records_the_state_of_the_storage(
    host: Host, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monitoring.check_storage("local", now)
    host.refresh_from_db()
    assert host.storage_free and host.storage_free > 0 and not host.storage_failure

    def refuse(self: FolderStorage) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FolderStorage, "free_space", refuse)
    monitoring.check_storage("local", now + timedelta(seconds=5))
    host.refresh_from_db()
    assert not host.storage_failure, "it looks only now and then"
    monitoring.check_storage("local", now + timedelta(seconds=20))
    host.refresh_from_db()
    assert host.storage_free is None and host.storage_failure == "Permission denied"


def test_an_outage_of_the_storage_is_logged_when_it_begins_and_when_it_ends(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: FolderStorage) -> int:
        raise PermissionError(13, "Permission denied")

    caplog.set_level("INFO")
    monkeypatch.setattr(monitoring, "_outages", Outages(monitoring._log))
    now = timezone.now()
    monitoring.check_storage("local", now)
    with monkeypatch.context() as patched:
        patched.setattr(FolderStorage, "free_space", refuse)
        for minute in range(1, 5):
            monitoring.check_storage("local", now + timedelta(minutes=minute))
    for minute in range(5, 8):
        monitoring.check_storage("local", now + timedelta(minutes=minute))
    assert caplog.messages == [
        "The storage of the backups cannot be used: [Errno 13] Permission denied",
        "The storage of the backups can be used again.",
    ]


def test_an_outage_of_the_storage_is_reported_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FolderStorage) -> int:
        raise PermissionError(13, "Permission denied")

    now = timezone.now()
    for outage in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(FolderStorage, "free_space", refuse)
            for minute in range(1, 4):
                monitoring.check_storage("local", now + timedelta(hours=outage, minutes=minute))
        monitoring.check_storage("local", now + timedelta(hours=outage, minutes=4))
    sentence = "Host local cannot write to the storage of the backups: Permission denied."
    assert [event.message for event in Event.objects.all()] == [sentence] * 2


def test_there_are_no_metrics_without_a_token(client: Client) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer wrong", TOKEN])
def test_metrics_require_the_token(client: Client, settings: Settings, sent: str) -> None:
    settings.CONSOLE_METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": sent})
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"


def test_metrics_report_the_state_of_the_console(client: Client, host: Host, settings: Settings) -> None:
    settings.CONSOLE_METRICS_TOKEN = TOKEN
    now = timezone.now()
    instance = make_instance(name="orders", host=host)
    busy = make_instance(name="busy", host=host, action=Action.BACKUP)
    make_backup(instance=instance, status=BackupStatus.COMPLETED, size=1000, started=now - timedelta(hours=5))
    make_backup(instance=instance, status=BackupStatus.COMPLETED, size=500, started=now - timedelta(hours=2))
    make_backup(instance=instance, status=BackupStatus.FAILED, started=now - timedelta(hours=1))
    begun = now - timedelta(minutes=10)
    make_job(instance=busy, created=begun)
    make_job(kind=JobKind.VERIFY, status=JobStatus.COMPLETED, started=begun, ended=begun + timedelta(seconds=30))
    make_job(kind=JobKind.BACKUP, status=JobStatus.CANCELLED)
    figures = scrape(client)
    assert figures["console_jobs_last_day", "backup", "Cancelled"] == 1
    assert ("console_jobs_last_day", "backup", "Failed") not in figures
    assert figures["console_agent_online", "local"] == 1
    assert figures["console_instances", "normal"] == 1 and figures["console_instances", "BACKUP"] == 1
    assert figures["console_backups", "COMPLETED"] == 2 and figures["console_backups", "FAILED"] == 1
    assert figures[("console_backup_bytes",)] == 1500
    assert figures["console_backup_age_seconds", instance.id, "orders"] == pytest.approx(7200, abs=60)
    assert ("console_backup_age_seconds", busy.id, "busy") not in figures
    assert figures["console_jobs", "backup", "Queued"] == 1
    assert figures["console_job_oldest_seconds", "Queued"] == pytest.approx(600, abs=60)
    assert figures["console_jobs_last_day", "verify", "Completed"] == 1
    assert figures["console_job_seconds_last_day", "verify"] == pytest.approx(30, abs=1)


def test_metrics_need_the_same_queries_for_any_number_of_rows(
    client: Client, host: Host, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.CONSOLE_METRICS_TOKEN = TOKEN
    for number in range(3):
        make_backup(instance=make_instance(name=f"i-{number:04}", host=host))
    with django_assert_num_queries(13):
        scrape(client)
