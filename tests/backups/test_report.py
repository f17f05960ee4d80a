"""Which ends of jobs on backups are reported, and instances that have been without a backup for too long."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from backups.choices import BackupType
from backups.models import Backup
from backups.reporting import CHECK_EVERY, UnprotectedCheck
from backups.services.cancel import cancel_backup
from backups.services.create import create_backup
from backups.services.restore import restore_to_new_instance, restore_to_original
from backups.services.verify import verify_backup
from console.jobs import JOBS
from console.notifications.models import Event
from console.testing.reset.instances import end_jobs
from instances.models import Instance, Job
from instances.queue import leases
from instances.queue.job import JobSteps, steps_of
from tests.factories import make_backup, make_instance
from tests.jobs import claimed, complete, fail

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def said() -> list[str]:
    return list(Event.objects.order_by("id").values_list("message", flat=True))


def begin_backup(type: BackupType = BackupType.MANUAL) -> Backup:
    return create_backup(instance=make_instance(name="orders"), name="nightly", type=type, requested_by=None)


@pytest.mark.parametrize(
    ("type", "sentence"),
    [
        (BackupType.MANUAL, "Backup “nightly” of instance “orders” failed: No space."),
        (BackupType.AUTOMATED, "Automated backup “nightly” of instance “orders” failed: No space."),
    ],
)
def test_a_failed_backup_is_reported(type: BackupType, sentence: str) -> None:
    backup = begin_backup(type)
    fail(claimed(), "No space.")
    event = Event.objects.get()
    assert (event.kind, event.message, event.path) == ("backup_failed", sentence, backup.get_absolute_url())


def test_a_cancelled_backup_is_not_reported() -> None:
    cancel_backup(backup=begin_backup(), requested_by=None)
    assert said() == []


@pytest.mark.parametrize("type", BackupType)
def test_a_complete_backup_is_reported_if_it_is_automated(type: BackupType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backups.jobs.make.archive_made", lambda job, made: None)
    begin_backup(type)
    complete(claimed())
    automated = ["Automated backup “nightly” of instance “orders” is complete."]
    assert said() == (automated if type == BackupType.AUTOMATED else [])


def test_a_failed_verification_is_reported_but_not_an_interrupted_one() -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly")
    verify_backup(backup=backup, requested_by=None)
    leases.fail_interrupted(steps_of(claimed(), JOBS))
    assert said() == []
    verify_backup(backup=backup, requested_by=None)
    fail(claimed(), "Other documents.")
    assert said() == ["The verification of backup “nightly” of instance “orders” failed: Other documents."]


@pytest.mark.parametrize("original", [False, True])
def test_a_restoration_is_reported(*, original: bool) -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly")

    def restore(name: str) -> Job:
        if original:
            restore_to_original(backup=backup, safety_backup=False, requested_by=None)
        else:
            restore_to_new_instance(backup=backup, name=name, requested_by=None)
        return claimed()

    complete(restore("first"))
    steps: JobSteps[object, object] = steps_of(restore("second"), JOBS)  # type: ignore[type-var]
    leases.fail(steps, "No space.")
    Job.objects.update(left_behind=False)
    Instance.objects.update(action="", state="normal")
    restore("third")
    end_jobs(Job.objects.all(), JOBS)
    first, second = ("orders", "orders") if original else ("first", "second")
    assert said() == [
        f"Backup “nightly” is restored to instance “{first}”.",
        f"Restoring backup “nightly” to instance “{second}” failed: No space.",
    ]


def test_an_instance_without_a_backup_is_reported_once_until_it_has_one(settings: Settings) -> None:
    settings.CONSOLE_UNPROTECTED_HOURS = 26
    now = timezone.now()
    late = make_instance(name="late", created=now - 27 * HOUR)
    make_instance(name="new", created=now - 25 * HOUR)
    make_instance(name="kept", created=now - 100 * HOUR, last_backup_at=now - HOUR)
    sentence = "Instance “late” has had no Complete backup for more than 26 hours."
    for _ in range(2):
        UnprotectedCheck()(now)
    assert said() == [sentence]
    Instance.objects.filter(pk=late.pk).update(last_backup_at=now)
    UnprotectedCheck()(now)
    assert Event.objects.get().lasting is None
    Instance.objects.filter(pk=late.pk).update(last_backup_at=now - 27 * HOUR)
    UnprotectedCheck()(now)
    assert said() == [sentence] * 2


def test_the_check_runs_once_a_minute_and_also_after_the_clock_was_set_back(settings: Settings) -> None:
    settings.CONSOLE_UNPROTECTED_HOURS = 26
    now, check = timezone.now(), UnprotectedCheck()
    check(now)
    make_instance(created=now - 30 * HOUR)
    check(now + CHECK_EVERY / 2)
    assert said() == []
    check(now - HOUR)
    assert len(said()) == 1


def test_the_check_can_be_turned_off(settings: Settings) -> None:
    settings.CONSOLE_UNPROTECTED_HOURS = 0
    make_instance(created=timezone.now() - 1000 * HOUR)
    UnprotectedCheck()(timezone.now())
    assert said() == []


def test_a_deleted_instance_is_forgotten(settings: Settings) -> None:
    settings.CONSOLE_UNPROTECTED_HOURS = 26
    now = timezone.now()
    instance = make_instance(created=now - 27 * HOUR)
    UnprotectedCheck()(now)
    instance.delete()
    UnprotectedCheck()(now)
    assert Event.objects.get().lasting is None
