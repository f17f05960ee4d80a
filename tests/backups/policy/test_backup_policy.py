"""Modify Backup Policy: the service and its dialog."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.choices import BackupStatus, BackupType
from backups.models import EVERY_DAY, Backup, Policy
from backups.policy.automation import run_due_policies
from backups.policy.schedule import first_window
from backups.services.policy import set_policy
from console.text.refused import Refused
from instances.choices import Action, State, Status
from instances.models import Instance, Job
from tests.factories import make_backup, make_instance, make_policy

pytestmark = pytest.mark.django_db
ALL_DAYS = range(1, 8)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def noon() -> datetime:
    return NOON


def url(instance: Instance) -> str:
    return reverse("backups:policy", args=[instance.id])


def page(instance: Instance) -> str:
    return reverse("backups:instance", args=[instance.id])


def filled_in(**changes: Any) -> dict[str, Any]:
    """Return the form data that a browser sends; None omits a field."""
    data = {"enabled": "on", "keep_days": "14", "window": "23:00-00:00", "weekdays": ["1", "5"], **changes}
    return {name: value for name, value in data.items() if value is not None}


def turn_on(instance: Instance, user: User | None = None, **changes: Any) -> Policy:
    chosen = {"enabled": True, "keep_days": 7, "start_hour": 2, "weekdays": ALL_DAYS, **changes}
    return set_policy(instance=instance, requested_by=user, **chosen)


# --- The service ---------------------------------------------------------------------------------------


def test_a_new_instance_has_the_default_policy_from_the_next_window() -> None:
    instance = make_instance()
    policy = Policy.of(instance)
    assert (policy.enabled, policy.keep_days, policy.weekdays, policy.at_once) == (True, 7, EVERY_DAY, False)
    assert instance.created <= policy.next_window <= instance.created + timedelta(days=1)
    assert not Policy.objects.exists()


def test_enabling_a_policy_starts_an_automated_backup_at_once(user: User) -> None:
    instance = make_instance()
    make_policy(instance, enabled=False)
    policy = turn_on(instance, user, keep_days=30)

    backup = Backup.objects.get()
    assert (backup.type, backup.status) == (BackupType.AUTOMATED, BackupStatus.BUILDING)
    assert backup.expires is not None
    assert backup.name == f"auto-{instance.name}-{backup.expires - timedelta(days=30):%Y%m%d-%H%M%S}"
    assert abs(backup.expires - backup.started - timedelta(days=30)) < timedelta(seconds=5)
    assert Job.objects.get().requested_by == user
    instance.refresh_from_db()
    assert instance.status is Status.BACKING_UP
    policy.refresh_from_db()
    assert not policy.at_once
    assert policy.next_window == first_window(policy.schedule, timezone.now())


def test_enabling_a_policy_of_a_busy_instance_postpones_its_first_backup(user: User) -> None:
    instance = make_instance(action=Action.RESTART)
    make_policy(instance, enabled=False)
    turn_on(instance, user)
    assert not Backup.objects.exists()
    assert Policy.objects.get().at_once


def test_a_change_to_an_enabled_policy_starts_no_backup(user: User) -> None:
    instance = make_instance()
    turn_on(instance, user)
    policy = turn_on(instance, user, start_hour=23, weekdays=[1, 2], keep_days=732)
    assert not Backup.objects.exists()
    assert policy.next_window == first_window(policy.schedule, timezone.now())
    assert policy.next_window > timezone.now()


def test_changing_only_the_retention_does_not_postpone_a_due_window(user: User) -> None:
    instance = make_instance()
    waiting = timezone.now() - timedelta(minutes=5)
    make_policy(instance, start_hour=waiting.hour, next_window=waiting)
    policy = turn_on(instance, user, start_hour=waiting.hour, keep_days=30)
    assert policy.next_window == waiting


@pytest.mark.parametrize("pending", [NOON - 10 * HOUR, NOON - 34 * HOUR], ids=["today's", "yesterday's"])
def test_a_due_backup_survives_a_change_of_the_window_and_back(user: User, settings: Any, pending: datetime) -> None:
    settings.BACKUP_CLOCK = f"{__name__}.noon"
    instance = make_instance(action=Action.RESTART)
    make_policy(instance, start_hour=2, next_window=pending)
    for hour in (5, 23, 2):
        assert turn_on(instance, user, start_hour=hour).next_run == NOON - 10 * HOUR
    Instance.objects.update(action=Action.NONE)
    run_due_policies("local", NOON + HOUR)
    assert Backup.objects.count() == 1 and Policy.objects.get().next_window == NOON + 14 * HOUR


def test_after_a_due_backup_a_changed_window_runs_from_the_next_day(user: User, settings: Any) -> None:
    settings.BACKUP_CLOCK = f"{__name__}.noon"
    instance = make_instance(action=Action.RESTART)
    make_policy(instance, start_hour=2, next_window=NOON - 10 * HOUR)
    turn_on(instance, user, start_hour=5)
    Instance.objects.update(action=Action.NONE)
    run_due_policies("local", NOON + HOUR)
    assert Backup.objects.count() == 1 and Policy.objects.get().next_window == NOON + 17 * HOUR


def test_a_window_that_has_had_its_backup_does_not_run_again_after_a_change_and_back(user: User, settings: Any) -> None:
    settings.BACKUP_CLOCK = f"{__name__}.noon"
    instance = make_instance()
    make_policy(instance, start_hour=2, next_window=NOON + 14 * HOUR)
    for hour in (5, 23, 2):
        turn_on(instance, user, start_hour=hour)
    assert Policy.objects.get().next_window == NOON + 14 * HOUR


def test_existing_backups_keep_their_old_retention(user: User) -> None:
    instance = make_instance()
    expires = timezone.now() + timedelta(days=3)
    backup = make_backup(instance, type=BackupType.AUTOMATED, expires=expires)
    turn_on(instance, user, keep_days=700)
    backup.refresh_from_db()
    assert backup.expires == expires


def test_disabling_a_policy_keeps_the_backups(user: User) -> None:
    instance = make_instance()
    make_policy(instance, at_once=True)
    make_backup(instance, type=BackupType.AUTOMATED)
    policy = turn_on(instance, user, enabled=False)
    assert (policy.enabled, policy.at_once) == (False, False)
    assert Backup.objects.get().status == BackupStatus.COMPLETED


def test_disabling_a_policy_can_delete_the_automated_backups(user: User) -> None:
    instance = make_instance()
    make_policy(instance)
    backups = {
        "goes": make_backup(instance, type=BackupType.AUTOMATED),
        "failed": make_backup(instance, type=BackupType.AUTOMATED, status=BackupStatus.FAILED),
        "running": make_backup(instance, type=BackupType.AUTOMATED, status=BackupStatus.BUILDING),
        "locked": make_backup(instance, type=BackupType.AUTOMATED, locked=True),
        "manual": make_backup(instance),
        "of another": make_backup(type=BackupType.AUTOMATED),
    }
    turn_on(instance, user, enabled=False, delete_automated=True)
    deleting = {
        name for name, backup in backups.items() if Backup.objects.get(pk=backup.pk).status == BackupStatus.DELETING
    }
    assert deleting == {"goes", "failed"}


def test_a_policy_that_stays_enabled_deletes_nothing(user: User) -> None:
    instance = make_instance()
    make_backup(instance, type=BackupType.AUTOMATED)
    turn_on(instance, user, delete_automated=True)
    assert Backup.objects.get().status == BackupStatus.COMPLETED


@pytest.mark.parametrize(
    "broken",
    [
        {"keep_days": 0},
        {"keep_days": 733},
        {"keep_days": -1},
        {"weekdays": []},
        {"weekdays": [0]},
        {"weekdays": [8]},
        {"start_hour": 24},
        {"start_hour": -1},
        {"keep_days": 6, "weekdays": [1, 2, 3, 4, 5, 6]},
    ],
    ids=str,
)
def test_the_service_enforces_the_rules(user: User, broken: dict[str, Any]) -> None:
    instance = make_instance()
    with pytest.raises(ValidationError):
        turn_on(instance, user, **broken)
    assert not Policy.objects.exists()


@pytest.mark.parametrize(("keep_days", "weekdays"), [(1, ALL_DAYS), (6, ALL_DAYS), (7, [7]), (732, [3, 3, 1])])
def test_the_limits_are_accepted(user: User, keep_days: int, weekdays: list[int]) -> None:
    policy = turn_on(make_instance(), user, keep_days=keep_days, weekdays=weekdays)
    assert policy.days == sorted(set(weekdays))


def test_an_instance_that_is_being_deleted_is_refused(user: User) -> None:
    with pytest.raises(Refused, match="being deleted"):
        turn_on(make_instance(action=Action.DELETE), user)


def test_the_policy_is_deleted_with_its_instance(user: User) -> None:
    instance = make_instance()
    turn_on(instance, user)
    instance.delete()
    assert not Policy.objects.exists()


# --- The dialog ----------------------------------------------------------------------------------------


def test_the_dialog_shows_the_policy(htmx: Client) -> None:
    instance = make_instance(name="orders")
    make_policy(instance, keep_days=30, start_hour=23, weekdays="1,3")
    html = htmx.get(url(instance)).content.decode()
    assert "<html" not in html and "Modify Backup Policy" in html and "orders" in html
    assert 'value="30"' in html and '<option value="23:00-00:00" selected>' in html
    assert html.count("<option") == 24
    assert html.count("checked") == 3, "the switch, Monday and Wednesday"


def test_without_javascript_the_dialog_is_a_page_that_returns_to_its_origin(plain: Client) -> None:
    instance = make_instance()
    assert "<html" in plain.get(url(instance)).content.decode()
    answer = plain.post(url(instance), filled_in(), follow=True)
    assert answer.redirect_chain == [(page(instance), 302)]
    html = answer.content.decode()
    assert "Automated backup is on" in html and "Monday, Friday" in html and "23:00-00:00" in html
    assert "14 days" in html


def test_ok_saves_the_policy_and_refreshes_the_lists(htmx: Client) -> None:
    instance = make_instance()
    answer = htmx.post(url(instance), filled_in())
    assert answer.status_code == 204
    assert {"dialog-close", "refresh", "toast"} <= json.loads(answer.headers["HX-Trigger"]).keys()
    policy = Policy.objects.get()
    assert (policy.enabled, policy.keep_days, policy.start_hour, policy.weekdays) == (True, 14, 23, "1,5")


@pytest.mark.parametrize("retention", ["0", "733", "a week", "", "7.5", "-3", "9" * 5000, "\x00"])
@pytest.mark.parametrize("client", ["htmx", "plain"])
def test_an_invalid_retention_is_kept_and_reported_beside_its_field(
    client: str, retention: str, request: pytest.FixtureRequest
) -> None:
    browser: Client = request.getfixturevalue(client)
    answer = browser.post(url(make_instance()), filled_in(keep_days=retention))
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert errors == {"keep_days": ["Enter a whole number from 1 to 732."] if retention else ["Fill in this field."]}
    html = answer.content.decode()
    assert f'value="{retention}"' in html or not retention
    assert '<option value="23:00-00:00" selected>' in html
    assert not Policy.objects.exists()


def test_all_errors_are_shown_at_once_and_the_input_is_kept(htmx: Client) -> None:
    answer = htmx.post(url(make_instance()), filled_in(keep_days="733", window="02:30-03:30", weekdays=[]))
    html = answer.content.decode()
    assert answer.status_code == 422
    for said in ("whole number from 1 to 732", "window of one whole hour", "at least one day of the week"):
        assert said in html, said
    assert 'value="733"' in html


@pytest.mark.parametrize("window", ["02:30-03:30", "02:00-04:00", "24:00-01:00", "2", "", "\x00"])
def test_an_invalid_window_is_rejected(htmx: Client, window: str) -> None:
    answer = htmx.post(url(make_instance()), filled_in(window=window))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["window"]


@pytest.mark.parametrize("weekdays", [[], ["0"], ["8"], ["Monday"], ["1", "x"]])
def test_unknown_or_missing_weekdays_are_rejected(htmx: Client, weekdays: list[str]) -> None:
    answer = htmx.post(url(make_instance()), filled_in(weekdays=weekdays))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["weekdays"]


@pytest.mark.parametrize("weekdays", [[], ["3"], [str(day) for day in ALL_DAYS]])
def test_a_retention_of_one_to_six_days_requires_every_weekday(htmx: Client, weekdays: list[str]) -> None:
    assert htmx.post(url(make_instance()), filled_in(keep_days="6", weekdays=weekdays)).status_code == 204
    assert Policy.objects.get().weekdays == EVERY_DAY


def test_a_disabled_policy_ignores_the_other_fields(htmx: Client) -> None:
    instance = make_instance()
    make_policy(instance, keep_days=30, start_hour=5, weekdays="2")
    backup = make_backup(instance, type=BackupType.AUTOMATED)
    changes = {"enabled": None, "keep_days": "many", "window": "x", "weekdays": ["9"], "delete_automated": "on"}
    assert htmx.post(url(instance), filled_in(**changes)).status_code == 204
    policy = Policy.objects.get()
    assert (policy.enabled, policy.keep_days, policy.start_hour, policy.weekdays) == (False, 30, 5, "2")
    backup.refresh_from_db()
    assert backup.status == BackupStatus.DELETING


def test_the_page_shows_a_disabled_policy_and_a_pending_backup(plain: Client) -> None:
    instance = make_instance(state=State.ABNORMAL)
    policy = make_policy(instance, enabled=False)
    assert "Automated backup is off" in plain.get(page(instance)).content.decode()
    Policy.objects.filter(pk=policy.pk).update(enabled=True, at_once=True)
    assert "as soon as the instance is Available" in plain.get(page(instance)).content.decode()


def test_a_refusal_is_shown_in_the_dialog(htmx: Client) -> None:
    answer = htmx.post(url(make_instance(action=Action.DELETE)), filled_in())
    assert answer.status_code == 422
    assert "The instance is being deleted." in answer.content.decode()


def test_opening_the_dialog_writes_nothing(htmx: Client) -> None:
    htmx.get(url(make_instance()))
    assert not Policy.objects.exists()


def test_unknown_wrong_method_and_signed_out(htmx: Client, client: Client) -> None:
    instance = make_instance()
    assert htmx.get("/instances/nothing/backup-policy/").status_code == 404
    assert htmx.put(url(instance)).status_code == 405
    assert client.post(url(instance), filled_in()).status_code == 401
    assert not Policy.objects.exists()
