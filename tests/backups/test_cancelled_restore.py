"""A cancelled restoration or verification is not a failure; only the console cancels them, when it is reset."""

import pytest

from backups.choices import BackupStatus, RestorationStatus
from backups.models import Backup, Restoration
from backups.services.restore import restore_to_new_instance, restore_to_original
from backups.services.verify import verify_backup
from console.jobs import JOBS
from console.testing.reset.instances import end_jobs
from instances.choices import JobStatus, State, Status
from instances.models import Instance, Job
from instances.queue import leases
from instances.queue.job import steps_of
from tests.factories import make_backup, make_instance
from tests.jobs import claimed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("original", [False, True])
def test_a_cancelled_restoration_is_cancelled_with_its_safety_backup(*, original: bool, running: bool) -> None:
    backup = make_backup(make_instance(name="orders"))
    if original:
        restore_to_original(backup=backup, safety_backup=True, requested_by=None)
    else:
        restore_to_new_instance(backup=backup, name="copied", requested_by=None)
    job = claimed() if running else Job.objects.get()
    end_jobs(Job.objects.all(), JOBS)
    if running:
        assert not leases.complete(steps_of(job, JOBS), None)
    assert Job.objects.get().status == JobStatus.CANCELLED
    restoration = Restoration.objects.get()
    assert restoration.status == RestorationStatus.CANCELLED and restoration.failure
    assert [row.status for row in Backup.objects.exclude(pk=backup.pk)] == [BackupStatus.CANCELLED] * original
    assert not Backup.objects.get(pk=backup.pk).in_use
    if not original:
        assert Instance.objects.get(name="copied").state == State.CREATION_FAILED
        assert Instance.objects.get(name="orders").status is Status.AVAILABLE


def test_a_cancelled_verification_keeps_the_last_result() -> None:
    backup = make_backup(verify_failure="Other documents.")
    verify_backup(backup=backup, requested_by=None)
    end_jobs(Job.objects.all(), JOBS)
    backup.refresh_from_db()
    assert (backup.verifying, backup.in_use, backup.verify_failure) == (False, False, "Other documents.")
