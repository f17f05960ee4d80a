"""The test hooks: only administrators can use them, and only on a console for tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.models import Backup, Policy
from backups.policy import automation
from console.accounts.roles import Role
from console.audit.models import AuditEvent
from console.processes.bind import only_this_machine
from console.testing import hook_state as hooks
from console.testing import hook_status as instance_hooks
from console.testing.hook_clock import move_to_next_window
from console.testing.hook_work import SteeredWork
from console.testing.models import HookState
from instances.choices import Action, State, Status, Step
from instances.engines.base import Watch
from instances.homes import instance_home
from instances.models import Instance, Job
from instances.queue.job import JobFailed
from instances.queue.pace import Amount
from instances.queue.supervisor import Server, Supervisor
from instances.queue.work import Work
from tests.factories import make_instance, make_job, make_policy, make_user
from tests.jobs import claimed

pytestmark = pytest.mark.django_db
FORMS = {
    "slow-next-backup": {"bytes_per_second": "20000"},
    "fail-next-backup": {"percent": "40"},
    "move-clock": {"seconds": "3600"},
    "clear": {},
}


@pytest.fixture
def on(settings: Any) -> None:
    """Turn the hooks on, as in a console that was started with them."""
    settings.TEST_HOOKS = True
    settings.BACKUP_CLOCK = "console.testing.hook_state.now"
    settings.ROOT_URLCONF = "tests.console.testing.urls_with_hooks"


def post(client: Client, hook: str, **fields: Any) -> Any:
    return client.post(f"/test-hooks/{hook}/", fields)


@pytest.mark.parametrize("hook", FORMS)
def test_without_the_hooks_their_addresses_do_not_exist(plain: Client, hook: str, settings: Any) -> None:
    assert post(plain, hook, **FORMS[hook]).status_code == 404
    settings.ROOT_URLCONF = "tests.console.testing.urls_with_hooks"
    assert post(plain, hook, **FORMS[hook]).status_code == 404
    assert HookState.objects.count() == 0


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("hook", FORMS)
def test_an_administrators_post_takes_effect_and_is_audited(plain: Client, hook: str) -> None:
    answer = post(plain, hook, **FORMS[hook])
    assert answer.status_code == 200 and len(answer.json()["hooks"]) == (hook != "clear")
    (event,) = AuditEvent.objects.filter(trace__startswith="test")
    assert event.outcome == "succeeded" and event.user is not None


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("hook", FORMS)
def test_nobody_else_can_use_the_hooks(hook: str, user: Any) -> None:
    reader, operator = Client(), Client()
    reader.force_login(make_user(role=Role.READ_ONLY))
    operator.force_login(make_user(role=Role.BACKUP_OPERATOR))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    for client in (Client(), reader, operator, strict):
        assert post(client, hook, **FORMS[hook]).status_code == 404
    looking = Client()
    looking.force_login(user)
    assert looking.get(f"/test-hooks/{hook}/").status_code == 404
    assert HookState.objects.count() == 0


@pytest.mark.usefixtures("on")
def test_users_with_full_access_can_use_the_hooks() -> None:
    client = Client()
    client.force_login(make_user(role=Role.FULL_ACCESS))
    assert post(client, "move-clock", seconds=60).status_code == 200


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize(
    ("hook", "fields"),
    [
        ("slow-next-backup", {}),
        ("slow-next-backup", {"bytes_per_second": "0"}),
        ("fail-next-backup", {"percent": "100"}),
        ("fail-next-backup", {"percent": "soon"}),
        ("move-clock", {"seconds": str(10**12)}),
        ("set-status", {"instance": "nobody", "status": "abnormal"}),
    ],
)
def test_invalid_fields_are_rejected_with_the_reason(plain: Client, hook: str, fields: dict[str, str]) -> None:
    answer = post(plain, hook, **fields)
    assert answer.status_code == 422 and answer.json()["error"]
    assert HookState.objects.count() == 0


@pytest.mark.usefixtures("on")
def test_every_page_says_that_hooks_are_on_and_what_they_do(plain: Client) -> None:
    assert "Test hooks are on" in Client().get("/sign-in/").content.decode()
    post(plain, "slow-next-backup", bytes_per_second=20_000)
    post(plain, "move-clock", seconds=-5400)
    page = plain.get(reverse("instances:list")).content.decode()
    assert "The next backup is slowed down to 20000 bytes per second." in page
    assert "The clock of the automated backups is moved by -1:30 h." in page


def test_no_page_mentions_the_hooks_when_they_are_off(plain: Client) -> None:
    hooks.move_clock(seconds=60, requested_by=None)
    assert "Test hooks" not in plain.get(reverse("instances:list")).content.decode()
    assert timezone.now() - hooks.now() < timedelta(seconds=5)
    assert hooks.take_next_backup() == hooks.NextBackup()
    assert HookState.objects.count() == 1


@pytest.mark.usefixtures("on")
def test_a_hook_affects_only_the_next_backup() -> None:
    hooks.slow_next_backup(bytes_per_second=5, requested_by=None)
    hooks.fail_next_backup(percent=40, requested_by=None)
    assert hooks.take_next_backup() == hooks.NextBackup(5, 40)
    assert hooks.take_next_backup() == hooks.NextBackup()


@pytest.mark.usefixtures("on")
def test_a_backup_fails_at_the_requested_percentage_and_the_next_does_not() -> None:
    hooks.fail_next_backup(percent=50, requested_by=None)
    make_job()
    failing = SteeredWork(claimed(), None)  # type: ignore[arg-type]  # it starts no server
    failing.report(70, Amount(Step.UNPACK, 70, 100))
    failing.report(10, Amount(Step.COPY, 49, 100))
    with pytest.raises(JobFailed, match=r"A test made this backup fail at 50 %\."):
        failing.report(20, Amount(Step.COPY, 50, 100))
    make_job()
    SteeredWork(claimed(), None).report(99, Amount(Step.COPY, 100, 100))  # type: ignore[arg-type]


@pytest.mark.usefixtures("on")
def test_a_slow_backup_waits_and_reports_its_earlier_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    shown: list[int] = []

    def wait(self: Work, seconds: float, report: Callable[[], None]) -> None:
        report()
        waited.append(seconds)
        shown.append(Job.objects.get().detail["done"])

    monkeypatch.setattr(Work, "wait", wait)
    monkeypatch.setattr(Work, "REPORT_EVERY", 0.0)
    hooks.slow_next_backup(bytes_per_second=10, requested_by=None)
    make_job()
    work = SteeredWork(claimed(), None)  # type: ignore[arg-type]  # it starts no server
    work.report(20, Amount(Step.COPY, 100, 1000))
    work.report(30, Amount(Step.COPY, 150, 1000))
    assert waited == [pytest.approx(10, abs=0.6), pytest.approx(15, abs=0.6)] and shown == [0, 100]
    assert Job.objects.get().progress == 30


@pytest.mark.usefixtures("on")
def test_a_moved_clock_affects_only_windows_and_retention() -> None:
    noon = datetime(2026, 2, 28, 12, tzinfo=UTC)
    with time_machine.travel(noon, tick=False):
        policy = make_policy(make_instance(created=noon), keep_days=7)
        automation.tend("local", hooks.now())
        assert Backup.objects.count() == 0
        hooks.move_clock(seconds=3600, requested_by=None)
        hooks.move_clock(seconds=14 * 3600, requested_by=None)
        assert hooks.now() == noon + timedelta(hours=15)
        assert Policy.objects.get().next_run == datetime(2026, 3, 1, 2, tzinfo=UTC)
        automation.tend("local", hooks.now())
        (backup,) = Backup.objects.all()
        assert backup.expires == datetime(2026, 3, 8, 3, tzinfo=UTC)
        assert backup.started == noon
        assert policy.instance_id == backup.instance_uid


EVENING = datetime(2026, 12, 31, 20, 30, tzinfo=UTC)


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("now", [EVENING + timedelta(hours=hour) for hour in range(24)], ids=lambda now: f"{now:%H:%M}")
def test_the_clock_can_move_to_the_next_window_at_any_hour(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now)
    instance = make_instance(created=now)
    make_policy(instance)
    move_to_next_window(instance=instance, requested_by=None)
    assert (hooks.now().hour, hooks.now().minute) == (2, 0) and now < hooks.now() < now + timedelta(days=1)
    automation.tend("local", hooks.now())
    assert Backup.objects.get().instance == instance


@pytest.mark.usefixtures("on")
def test_the_clock_does_not_move_if_a_window_is_already_due(plain: Client) -> None:
    instance = make_instance()
    make_policy(instance, next_window=timezone.now().replace(hour=0, minute=0, second=0, microsecond=0))
    assert post(plain, "move-to-next-window", instance=instance.pk).json() == {"hooks": []}
    assert hooks.state().clock_seconds == 0


@pytest.mark.usefixtures("on")
def test_without_a_policy_there_is_no_next_window(plain: Client) -> None:
    policy = make_policy(enabled=False)
    answer = post(plain, "move-to-next-window", instance=policy.instance_id)
    assert answer.status_code == 422 and answer.json() == {"error": "Automated backup is off."}
    assert HookState.objects.count() == 0


@pytest.mark.usefixtures("on")
def test_a_new_instance_gets_its_policy_under_a_moved_clock_too() -> None:
    hooks.move_clock(seconds=30 * 86_400, requested_by=None)
    instance = make_instance()
    automation.tend("local", hooks.now())
    assert Policy.objects.filter(instance=instance, enabled=True).exists()


@pytest.mark.usefixtures("on")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.AVAILABLE])
def test_a_status_set_by_a_hook_stays_until_it_is_released(status: Status) -> None:
    instance = make_instance()
    instance_hooks.set_status(instance=instance, status=status, requested_by=None)
    assert Instance.objects.get().status is status
    # The status stays, whether the server responds or dies.
    supervisor = Supervisor("local", leave_alone=hooks.held)
    server = Server(instance.pk, 1, instance_home(instance.pk))
    supervisor._write_abnormal(server, "It has died.")
    supervisor.begin()
    server.facts_at = float("inf")
    supervisor._answered(server, cast(Watch, None), 1.0)
    assert Instance.objects.get().status is status
    instance_hooks.set_status(instance=instance, status=Status.ABNORMAL, requested_by=None)
    instance_hooks.set_status(instance=instance, status=Status.AVAILABLE, requested_by=None)
    again = Instance.objects.get()
    assert (again.state, again.action, again.failure) == (State.AVAILABLE, Action.NONE, "")
    supervisor._write_abnormal(server, "It has died.")
    assert Instance.objects.get().status is Status.ABNORMAL


@pytest.mark.usefixtures("on")
def test_the_status_of_a_busy_instance_cannot_be_set(plain: Client) -> None:
    instance = make_instance(action=Action.BACKUP)
    answer = post(plain, "set-status", instance=instance.pk, status="abnormal")
    assert answer.status_code == 422 and "An operation is running on the instance" in answer.json()["error"]
    assert Instance.objects.get().action == Action.BACKUP


@pytest.mark.usefixtures("on")
def test_clearing_undoes_every_hook(plain: Client) -> None:
    instance = make_instance()
    post(plain, "set-status", instance=instance.pk, status="RESTORE")
    post(plain, "move-clock", seconds=60)
    assert post(plain, "clear").json() == {"hooks": []}
    assert Instance.objects.get().status is Status.AVAILABLE
    assert HookState.objects.count() == 0


@pytest.mark.parametrize(
    ("bind", "url", "only_here"),
    [
        ("127.0.0.1", "", True),
        ("127.9.9.9", "http://console.test", True),
        ("::1", "", True),
        ("localhost", "", True),
        ("0.0.0.0", "", False),  # noqa: S104
        ("::", "", False),
        ("192.0.2.1", "", False),
        ("console.example.org", "", False),
        ("127.0.0.1", "https://console.example.org", False),
    ],
)
def test_hooks_require_a_console_that_only_this_machine_can_reach(bind: str, url: str, only_here: bool) -> None:
    assert only_this_machine(bind, url) is only_here


def test_up_does_not_start_with_hooks_where_other_machines_can_connect(settings: Any) -> None:
    settings.CONSOLE_TEST_HOOKS = True
    with pytest.raises(CommandError, match=r"let it listen on 127\.0\.0\.1"):
        call_command("up", bind="0.0.0.0")  # noqa: S104
