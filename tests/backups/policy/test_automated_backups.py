"""The agent runs each window once, and deletes expired backups."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.choices import BackupStatus, BackupType
from backups.models import Backup, Policy
from backups.policy import automation
from backups.services.policy import run_policy
from backups.storage.base import StorageFailed
from backups.storage.folder import FolderStorage
from instances.choices import Action, JobKind, JobStatus, State
from instances.models import Instance, Job
from tests.factories import make_backup, make_host, make_instance, make_job, make_policy

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
TWO = MONDAY + timedelta(hours=2)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def finish(instance: Instance) -> None:
    """Complete the backup and make the instance Available, as the agent does."""
    Backup.objects.filter(instance=instance).update(status=BackupStatus.COMPLETED, size=1, ended=TWO)
    Job.objects.filter(instance=instance).update(status=JobStatus.COMPLETED)
    Instance.objects.filter(pk=instance.pk).update(action=Action.NONE)


def due_at_two(**fields: Any) -> Instance:
    instance = make_instance(**fields)
    make_policy(instance, next_window=TWO)
    return instance


# --- Windows -------------------------------------------------------------------------------------------


def test_a_new_instance_gets_its_policy_and_is_backed_up_in_its_first_window() -> None:
    instance = make_instance(created=MONDAY)
    automation.tend("local", MONDAY)
    assert Policy.objects.get().next_window == TWO
    assert not Backup.objects.exists()
    automation.tend("local", TWO)
    backup = Backup.objects.get()
    assert (backup.name, backup.type) == (f"auto-{instance.name}-20261123-020000", BackupType.AUTOMATED)
    assert backup.expires == TWO + 7 * DAY
    assert Job.objects.get().requested_by is None


def test_an_instance_created_while_the_agent_was_offline_gets_its_policy_when_the_agent_starts() -> None:
    instance = make_instance(created=MONDAY - 100 * DAY)
    automation.begin()
    automation.begin()
    assert Policy.objects.get().instance == instance


def test_a_window_runs_once_however_often_the_agent_looks() -> None:
    instance = due_at_two()
    for minute in range(0, 60, 5):
        automation.tend("local", TWO + timedelta(minutes=minute))
        finish(instance)
    assert Backup.objects.count() == 1
    automation.tend("local", TWO + DAY)
    assert Backup.objects.count() == 2


def test_if_two_agents_see_the_same_window_only_one_runs_it() -> None:
    instance = due_at_two()
    seen = [Policy.objects.select_related("instance__host").get() for _ in range(2)]
    assert run_policy(policy=seen[0], now=TWO) is not None
    finish(instance)
    assert run_policy(policy=seen[1], now=TWO) is None
    assert Backup.objects.count() == 1


def test_a_policy_that_has_changed_meanwhile_is_not_run() -> None:
    due_at_two()
    stale = Policy.objects.select_related("instance__host").get()
    Policy.objects.update(weekdays="7")
    assert run_policy(policy=stale, now=TWO) is None
    Policy.objects.update(weekdays=stale.weekdays, enabled=False)
    assert run_policy(policy=stale, now=TWO) is None


@pytest.mark.parametrize("busy", [{"action": Action.BACKUP}, {"action": Action.RESTORE}, {"state": State.ABNORMAL}])
def test_a_busy_instance_is_tried_again_until_its_day_is_over(busy: dict[str, Any]) -> None:
    instance = due_at_two(**busy)
    automation.tend("local", TWO)
    assert not Backup.objects.exists()
    Instance.objects.filter(pk=instance.pk).update(state=State.AVAILABLE, action=Action.NONE)
    automation.tend("local", MONDAY + DAY - timedelta(seconds=1))
    assert Backup.objects.count() == 1


def test_an_instance_that_becomes_busy_before_its_backup_starts_stays_due() -> None:
    instance = due_at_two()
    policy = Policy.objects.select_related("instance__host").get()
    Instance.objects.filter(pk=instance.pk).update(action=Action.RESTART)
    assert run_policy(policy=policy, now=TWO) is None
    Instance.objects.filter(pk=instance.pk).update(action=Action.NONE)
    automation.tend("local", TWO + HOUR)
    assert Backup.objects.count() == 1


def test_after_downtime_only_the_current_days_window_is_run() -> None:
    instance = due_at_two()
    automation.tend("local", TWO + 10 * DAY + 8 * HOUR)
    finish(instance)
    automation.tend("local", TWO + 10 * DAY + 9 * HOUR)
    assert Backup.objects.count() == 1
    assert Policy.objects.get().next_window == TWO + 11 * DAY


def test_a_window_whose_day_is_over_is_not_run() -> None:
    due_at_two()
    Policy.objects.update(weekdays="1")
    automation.tend("local", MONDAY + DAY)
    assert not Backup.objects.exists()
    assert Policy.objects.get().next_window == TWO + 7 * DAY


def test_disabled_policies_and_other_hosts_are_ignored() -> None:
    make_policy(make_instance(), enabled=False, next_window=TWO)
    due_at_two(host=make_host("elsewhere"))
    automation.tend("local", TWO)
    assert not Backup.objects.exists()
    automation.tend("elsewhere", TWO)
    assert Backup.objects.count() == 1


def test_enabling_a_policy_makes_one_backup_as_soon_as_possible() -> None:
    instance = make_instance(action=Action.RESTART)
    make_policy(instance, at_once=True, next_window=TWO + DAY)
    automation.tend("local", TWO)
    assert not Backup.objects.exists()
    Instance.objects.update(action=Action.NONE)
    for minute in range(3):
        automation.tend("local", TWO + timedelta(minutes=minute))
        finish(instance)
    assert Backup.objects.count() == 1


def test_enabling_a_policy_of_a_busy_instance_makes_one_backup_even_if_the_window_starts_meanwhile() -> None:
    instance = make_instance(action=Action.RESTART)
    make_policy(instance, at_once=True, next_window=TWO)
    automation.tend("local", TWO)
    Instance.objects.update(action=Action.NONE)
    for minute in range(3):
        automation.tend("local", TWO + timedelta(minutes=minute))
        finish(instance)
    assert Backup.objects.count() == 1
    automation.tend("local", TWO + DAY)
    assert Backup.objects.count() == 2


def test_the_number_of_queries_is_the_same_for_any_number_of_instances(django_assert_num_queries: Any) -> None:
    make_policy(next_window=TWO)
    for _ in range(2):
        with django_assert_num_queries(7):
            automation.tend("local", MONDAY)
        for _ in range(30):
            make_policy(next_window=TWO)


# --- Retention -----------------------------------------------------------------------------------------


def automated(instance: Instance, day: int, **fields: Any) -> Backup:
    """Make an automated backup of that day, kept for seven days."""
    started = TWO + day * DAY
    return make_backup(
        instance, type=BackupType.AUTOMATED, started=started, expires=started + 7 * DAY, **{"job": make_job(), **fields}
    )


def deleting() -> set[Backup]:
    return set(Backup.objects.filter(status=BackupStatus.DELETING))


def test_only_expired_backups_are_deleted() -> None:
    instance = make_instance()
    old, younger, newest = (automated(instance, day) for day in range(3))
    automation.retire_expired("local", TWO + 7 * DAY - timedelta(seconds=1))
    assert deleting() == set()
    automation.retire_expired("local", TWO + 7 * DAY)
    assert deleting() == {old}
    job = Job.objects.get(kind=JobKind.DELETE_BACKUP)
    assert (job.host, job.requested_by, job.backup) == (instance.host, None, old)
    automation.retire_expired("local", TWO + 8 * DAY)
    assert deleting() == {old, younger}
    assert newest not in deleting()


def test_the_last_complete_backup_is_kept_while_the_policy_is_enabled() -> None:
    instance = make_instance()
    good = automated(instance, 0)
    failed = automated(instance, 1, status=BackupStatus.FAILED)
    automation.retire_expired("local", TWO + 100 * DAY)
    assert deleting() == {failed}
    make_policy(instance, enabled=False)
    automation.retire_expired("local", TWO + 100 * DAY)
    assert deleting() == {failed, good}


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ([{}, {"verify_failure": "The disk is full."}], 1),
        ([{}, {"damage": "It is missing."}], 0),
        ([{"damage": "It is missing."}, {"verify_failure": "The disk is full."}, {"damage": "It is missing."}], 1),
        ([{"damage": "It is missing."}, {"damage": "It is missing."}], 1),
        ([{}, {}, {"damage": "It is missing."}], 1),
    ],
)
def test_the_newest_backup_not_known_to_be_damaged_is_kept(
    plain: Client, facts: list[dict[str, str]], kept: int
) -> None:
    instance = make_instance()
    made = [automated(instance, day, **each) for day, each in enumerate(facts)]
    shown = Backup.objects.kept_after_expiry(made, TWO + 100 * DAY)
    automation.retire_expired("local", TWO + 100 * DAY)
    assert set(made) - deleting() == {made[kept]} and shown == {made[kept].pk}


@pytest.mark.parametrize(
    ("facts", "in_list", "on_page"),
    [
        ({}, "kept: last good backup", "newest automated backup that is not known to be missing"),
        (
            {"damage": "It is missing."},
            "kept: no good backup",
            "all automated backups of the instance are missing or damaged",
        ),
    ],
)
def test_the_pages_say_why_an_expired_backup_is_kept(
    plain: Client, facts: dict[str, Any], in_list: str, on_page: str
) -> None:
    now = timezone.now()
    make_backup(type=BackupType.AUTOMATED, expires=now + DAY)
    backup = make_backup(type=BackupType.AUTOMATED, started=now - 8 * DAY, expires=now - DAY, **facts)
    for url in ("/backups/", reverse("backups:instance", args=[backup.instance_uid])):
        assert plain.get(url).content.decode().count("kept: ") == 1
        assert in_list in plain.get(url).content.decode()
    assert on_page in plain.get(backup.get_absolute_url()).content.decode()


def test_nothing_is_deleted_while_the_storage_is_not_the_one_that_has_the_archives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    automated(make_instance(), 0, status=BackupStatus.FAILED)

    def refuse(self: FolderStorage) -> str:
        raise StorageFailed("the folder is not the one that was used before")

    with monkeypatch.context() as patched:
        patched.setattr(FolderStorage, "require_there", refuse)
        automation.retire_expired("local", TWO + 100 * DAY)
    assert Backup.objects.get().status == BackupStatus.FAILED and not Job.objects.filter(kind=JobKind.DELETE_BACKUP)
    automation.retire_expired("local", TWO + 100 * DAY)
    assert Backup.objects.get().status == BackupStatus.DELETING


def test_failed_backups_expire_even_without_a_complete_one() -> None:
    failed = automated(make_instance(), 0, status=BackupStatus.FAILED)
    automation.retire_expired("local", TWO + 100 * DAY)
    assert deleting() == {failed}


def test_locked_running_and_manual_backups_are_kept() -> None:
    instance = make_instance()
    automated(instance, 0, locked=True)
    automated(instance, 1, status=BackupStatus.BUILDING)
    make_backup(instance, started=TWO)
    make_backup(instance, started=TWO, expires=TWO)
    automated(instance, 3)
    automation.retire_expired("local", TWO + 100 * DAY)
    assert deleting() == set()


def test_another_hosts_archives_are_left_to_its_agent() -> None:
    elsewhere = make_instance(host=make_host("elsewhere"))
    automated(elsewhere, 0)
    automated(elsewhere, 1)
    automation.retire_expired("local", TWO + 100 * DAY)
    assert deleting() == set()


def test_a_failed_deletion_is_retried_the_next_day() -> None:
    instance = make_instance()
    now = TWO + 100 * DAY
    failed = make_job(kind=JobKind.DELETE_BACKUP, status=JobStatus.FAILED, ended=now)
    old = automated(instance, 0, job=failed)
    automated(instance, 1)
    automation.retire_expired("local", now + HOUR)
    assert deleting() == set()
    automation.retire_expired("local", now + DAY)
    assert deleting() == {old}


# --- A clock that was wrong ------------------------------------------------------------------------------

YEAR = timedelta(days=365)


def test_a_window_that_a_wrong_clock_moved_a_year_ahead_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    instance = due_at_two()
    automation.tend("local", TWO + YEAR)
    finish(instance)
    assert Policy.objects.get().next_window == TWO + YEAR + DAY
    automation.tend("local", TWO + HOUR)
    assert Policy.objects.get().next_window == TWO + DAY and "a clock was wrong" in caplog.text
    automation.tend("local", TWO + DAY)
    assert Backup.objects.count() == 2


@pytest.mark.parametrize(
    ("weekdays", "ahead", "mended"),
    [("1,2,3,4,5,6,7", DAY, False), ("1,2,3,4,5,6,7", 2 * DAY, True), ("1", 7 * DAY, False), ("1", 14 * DAY, True)],
)
def test_only_a_window_later_than_the_next_is_brought_back(weekdays: str, ahead: timedelta, mended: bool) -> None:
    make_policy(weekdays=weekdays, next_window=TWO + ahead)
    make_policy(make_instance(host=make_host("elsewhere")), next_window=TWO + YEAR)
    automation.mend_windows("local", TWO)
    windows = set(Policy.objects.values_list("next_window", flat=True))
    assert windows == {TWO if mended else TWO + ahead, TWO + YEAR}


def test_a_backup_in_the_future_expires_a_retention_after_it_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    now = timezone.now()
    backup = make_backup(type=BackupType.AUTOMATED, started=now + YEAR, expires=now + YEAR + 7 * DAY)
    for moment in (now, now + DAY):
        automation.mend_expiry("local", moment)
        backup.refresh_from_db()
        assert (backup.expires, backup.expires_by_start) == (now + 7 * DAY, now + YEAR + 7 * DAY)
    assert caplog.text.count("a clock was wrong") == 1


def test_the_expiry_comes_back_if_the_present_clock_was_the_wrong_one() -> None:
    now = timezone.now()
    backup = make_backup(
        type=BackupType.AUTOMATED, started=now - DAY, expires=now - 100 * DAY, expires_by_start=now + 6 * DAY
    )
    automation.mend_expiry("local", now)
    backup.refresh_from_db()
    assert (backup.expires, backup.expires_by_start) == (now + 6 * DAY, None)


def test_a_backup_in_the_future_is_not_the_newest() -> None:
    now = timezone.now()
    instance = make_instance()
    ahead, old, newest = (
        make_backup(instance, type=BackupType.AUTOMATED, started=now + start, expires=now - HOUR)
        for start in (YEAR, -9 * DAY, -8 * DAY)
    )
    automation.retire_expired("local", now)
    assert deleting() == {ahead, old}
    assert newest not in deleting()


def test_a_deletion_that_failed_in_the_future_is_retried() -> None:
    now = timezone.now()
    failed = make_job(kind=JobKind.DELETE_BACKUP, status=JobStatus.FAILED, ended=now + YEAR)
    backup = make_backup(status=BackupStatus.FAILED, type=BackupType.AUTOMATED, expires=now - DAY, job=failed)
    automation.retire_expired("local", now)
    assert deleting() == {backup}
