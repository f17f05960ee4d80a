"""A double click submits a dialog twice at once: the console acts once and answers both requests."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.models import Backup, Restoration
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from instances.models import Instance, Job
from tests.at_once import at_once
from tests.conftest import HTMX
from tests.factories import PASSWORD_FIELDS, make_backup, make_host, make_instance

pytestmark = pytest.mark.django_db(transaction=True)


def submit_twice(user: User, path: str, fields: dict[str, str]) -> list[int]:
    clients = [Client(headers=HTMX), Client(headers=HTMX)]
    for client in clients:
        client.force_login(user)
    sent = fields | {"request_key": str(uuid.uuid4())}
    return at_once(2, lambda number: clients[number].post(path, sent).status_code)


def successes(trace: str) -> int:
    return AuditEvent.objects.filter(trace=trace, outcome=Outcome.SUCCEEDED).count()


# Repeat the tests: only sometimes do both requests start before either of them ends.
@pytest.mark.parametrize("turn", range(5))
class TestTwiceAtTheSameInstant:
    def test_create_backup(self, user: User, turn: int) -> None:
        instance = make_instance()
        path = reverse("backups:create-for-instance", args=[instance.id])
        assert submit_twice(user, path, {"name": "before-upgrade"}) == [204, 204]
        assert Backup.objects.count() == Job.objects.count() == successes("ddsCreateBackup") == 1
        assert AuditEvent.objects.filter(trace="ddsCreateBackup").count() == 1

    def test_create_instance(self, user: User, turn: int) -> None:
        make_host()
        assert submit_twice(
            user, reverse("instances:create"), {"name": "orders", "type": "Single", **PASSWORD_FIELDS}
        ) == [204, 204]
        assert Instance.objects.count() == Job.objects.count() == successes("ddsCreateInstance") == 1
        assert AuditEvent.objects.filter(trace="ddsCreateInstance").count() == 1

    def test_restore_to_a_new_instance(self, user: User, turn: int) -> None:
        backup = make_backup()
        path = reverse("backups:restore", args=[backup.id])
        assert submit_twice(user, path, {"name": "orders-copy"}) == [204, 204]
        assert Restoration.objects.count() == Job.objects.count() == successes("ddsRestoreToNewInstance") == 1
        assert Instance.objects.filter(name="orders-copy").count() == 1
        backup.refresh_from_db()
        assert backup.uses == 1

    def test_restore_to_the_original(self, user: User, turn: int) -> None:
        backup = make_backup()
        path = reverse("backups:restore-to-original", args=[backup.id])
        sent = {"confirm": backup.instance_name, "safety_backup": "on"}
        assert submit_twice(user, path, sent) == [204, 204]
        assert Restoration.objects.count() == Job.objects.count() == successes("ddsRestoreToOldInstance") == 1
        # The restored backup and the safety backup.
        assert Backup.objects.count() == 2
