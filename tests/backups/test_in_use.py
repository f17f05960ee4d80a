"""A backup or an instance cannot be deleted while a restoration or a verification uses it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.choices import BackupStatus, BackupType
from backups.models import Backup, Restoration
from backups.services.cancel import cancel_backup
from backups.services.restore import restore_to_original
from backups.services.verify import verify_backup
from console.accounts.roles import Role
from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances.choices import Status
from instances.models import Instance
from instances.services import delete_instance
from tests.factories import make_backup, make_instance, make_user
from tests.jobs import claimed, fail

pytestmark = pytest.mark.django_db


def test_an_instance_cannot_be_deleted_while_its_automated_backup_is_being_verified(user: User) -> None:
    instance = make_instance()
    backup = make_backup(instance, type=BackupType.AUTOMATED)
    verify_backup(backup=backup, requested_by=user)
    with pytest.raises(Refused, match="is being restored or verified"):
        delete_instance(instance=instance, requested_by=user)
    assert Instance.objects.get().status is Status.AVAILABLE
    assert Backup.objects.get().status == BackupStatus.COMPLETED


def test_deleting_an_instance_audits_the_deletion_of_its_automated_backups(user: User) -> None:
    instance = make_instance()
    backup = make_backup(instance, type=BackupType.AUTOMATED, locked=True)
    delete_instance(instance=instance, requested_by=user)
    assert AuditEvent.objects.filter(trace="ddsDeleteBackup", resource_id=backup.id, user=user).exists()


def test_a_safety_backup_cannot_be_cancelled_during_its_restoration(user: User) -> None:
    instance = make_instance()
    backup = make_backup(instance)
    restoration = restore_to_original(backup=backup, safety_backup=True, requested_by=user)
    assert restoration.safety_backup is not None
    with pytest.raises(Refused, match="part of a restoration"):
        cancel_backup(backup=restoration.safety_backup, requested_by=user)


def test_an_imported_backup_has_no_original_even_if_an_instance_has_its_id(user: User) -> None:
    instance = make_instance()
    backup = make_backup(instance, imported=timezone.now())
    Backup.objects.update(instance=None)
    with pytest.raises(Refused, match="made elsewhere"):
        restore_to_original(backup=Backup.objects.get(pk=backup.pk), safety_backup=False, requested_by=user)
    assert Instance.objects.get().status is Status.AVAILABLE
    assert not Restoration.objects.exists()


def test_a_backup_stays_verified_if_the_agent_stops_during_another_verification(user: User) -> None:
    verified = timezone.now()
    backup = make_backup(verified_at=verified)
    verify_backup(backup=backup, requested_by=user)
    fail(claimed(), "The agent stopped.", interrupted=True)
    backup.refresh_from_db()
    assert (backup.verified_at, backup.verify_failure, backup.verifying, backup.uses) == (verified, "", False, 0)


def test_an_operator_is_not_offered_restore_to_original_or_bulk_deletion() -> None:
    backup = make_backup()
    client = Client()
    client.force_login(make_user(Role.BACKUP_OPERATOR))
    assert reverse("backups:restore-to-original", args=[backup.id]) not in (
        client.get(reverse("backups:restore", args=[backup.id])).content.decode()
    )
    html = client.get(reverse("backups:list")).content.decode()
    assert 'id="delete-selected"' not in html
    box = html.split(f'id="select-{backup.id}"')[1].split(">")[0]
    assert "disabled" in box
