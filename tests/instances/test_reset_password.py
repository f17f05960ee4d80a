"""Reset Password: the service, its dialog, the agent's job, and the removal of every copy of the password."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances import engines
from instances.choices import Action, JobKind, JobStatus, State
from instances.engines.base import EngineError, Server
from instances.homes import instance_home
from instances.jobs.reset_password import ResetPassword
from instances.models import Host, Instance, Job
from instances.queue.job import JobFailed, secret_of
from instances.queue.requests import cancel
from instances.services import create_instance, reset_password
from tests.factories import NEW_PASSWORD, PASSWORD_FIELDS, make_instance, make_job
from tests.jobs import claimed, complete, do, fail, fail_unrenewed, work_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, settings: Settings) -> None:
    settings.CONSOLE_HOME = tmp_path


def reset_url(instance: Instance) -> str:
    return reverse("instances:reset-password", args=[instance.id])


def reset(user: User, **fields: Any) -> Job:
    reset_password(instance=make_instance(**fields), password=NEW_PASSWORD, requested_by=user)
    return Job.objects.get()


# --- The service ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.NONE, Action.BACKUP, Action.RESTORE_CHECK, Action.RESTORE_TO_NEW_INSTANCE])
def test_the_queued_job_has_the_sealed_password(user: User, action: Action) -> None:
    job = reset(user, action=action)
    assert (job.kind, job.status, job.requested_by) == (JobKind.RESET_PASSWORD, JobStatus.QUEUED, user)
    assert job.secret and NEW_PASSWORD not in job.secret and secret_of(job) == NEW_PASSWORD
    assert job.parameters == {}
    assert job.instance is not None and job.instance.password_refusal == ""


NOT_NOW: list[dict[str, Any]] = [
    *({"state": state} for state in State if state is not State.AVAILABLE),
    *({"action": action} for action in (Action.RESTORE, Action.RESTART, Action.DELETE)),
]


@pytest.mark.parametrize("fields", NOT_NOW, ids=str)
def test_the_action_is_refused_with_the_reason(user: User, fields: dict[str, Any]) -> None:
    instance = make_instance(**fields)
    with pytest.raises(Refused) as refusal:
        reset_password(instance=instance, password=NEW_PASSWORD, requested_by=user)
    assert instance.password_refusal == str(refusal.value.message) != ""
    assert not Job.objects.exists()


def test_a_reset_is_refused_while_the_host_is_offline(user: User) -> None:
    instance = make_instance()
    Host.objects.update(seen=timezone.now() - timedelta(hours=1))
    with pytest.raises(Refused, match="offline"):
        reset_password(instance=Instance.objects.get(pk=instance.pk), password=NEW_PASSWORD, requested_by=user)


def test_the_service_itself_enforces_the_rule(user: User) -> None:
    with pytest.raises(ValidationError):
        reset_password(instance=make_instance(), password="too simple", requested_by=user)
    assert not Job.objects.exists()
    assert "too simple" not in AuditEvent.objects.get().reason


def test_a_reset_is_audited_without_the_password(user: User) -> None:
    reset(user, name="orders")
    event = AuditEvent.objects.get()
    assert (event.trace, event.resource_name, event.user) == ("ddsResetPassword", "orders", user)
    assert NEW_PASSWORD not in repr(list(AuditEvent.objects.values()))


# --- The agent's job -----------------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Server, str]]:
    """Record the passwords that servers are given."""
    noted: list[tuple[Server, str]] = []
    monkeypatch.setattr(
        type(engines.embedded()), "set_password", lambda _self, server, password: noted.append((server, password))
    )
    return noted


def test_the_agent_sets_the_password_and_deletes_the_secret(user: User, given: list[tuple[Server, str]]) -> None:
    reset(user, port=8700)
    job = do()
    assert given == [(Server(8700, instance_home(job.instance_uid)), NEW_PASSWORD)]
    job.refresh_from_db()
    assert (job.status, job.secret) == (JobStatus.COMPLETED, "")
    assert Instance.objects.get().password_set is True


def test_the_job_fails_with_the_reason_if_the_server_refuses(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise EngineError("The database server is not responding on port 8635.")

    monkeypatch.setattr(type(engines.embedded()), "set_password", refuse)
    reset(user)
    job = claimed()
    with pytest.raises(JobFailed, match="is not responding"):
        ResetPassword(job).run(work_on(job))


def test_the_job_fails_with_a_sentence_without_the_key(user: User, given: object, tmp_path: Path) -> None:
    reset(user)
    (tmp_path / "credentials.key").unlink()
    job = claimed()
    with pytest.raises(JobFailed, match="CONSOLE_CREDENTIAL_KEYS"):
        ResetPassword(job).run(work_on(job))
    assert given == []


def test_a_secret_sealed_for_one_job_is_useless_to_another(user: User) -> None:
    other = make_job(kind=JobKind.RESET_PASSWORD, secret=reset(user).secret)
    with pytest.raises(JobFailed):
        secret_of(other)


# --- No ended job keeps the password -------------------------------------------------------------------


def end_completed(job: Job) -> None:
    complete(job)


def end_failed(job: Job) -> None:
    fail(job, "No.")


def end_expired(job: Job) -> None:
    assert fail_unrenewed() == 1


def end_cancelled_while_running(job: Job) -> None:
    cancel(job, "Not wanted.", cancelled=lambda job, reason: None)
    complete(job)


@pytest.mark.parametrize("end", [end_completed, end_failed, end_expired, end_cancelled_while_running])
def test_a_running_job_loses_its_secret_however_it_ends(user: User, end: Any) -> None:
    job = reset(user)
    end(claimed())
    job.refresh_from_db()
    assert not job.shown_status.in_progress and job.secret == ""


def test_a_job_cancelled_before_its_start_has_no_secret(user: User) -> None:
    job = reset(user)
    cancel(job, "Not wanted.", cancelled=lambda job, reason: None)
    job.refresh_from_db()
    assert (job.status, job.secret) == (JobStatus.CANCELLED, "")


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
def test_the_database_itself_refuses_an_ended_job_with_a_secret(user: User, status: JobStatus) -> None:
    job = reset(user)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(status=status)


def test_no_row_and_no_log_line_contains_the_password(
    user: User, htmx: Client, given: object, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    htmx.post(reset_url(make_instance()), PASSWORD_FIELDS)
    # Also send a request that is refused and one that is rejected.
    htmx.post(reset_url(make_instance(action=Action.DELETE)), PASSWORD_FIELDS)
    htmx.post(reset_url(make_instance()), {**PASSWORD_FIELDS, "confirmation": "another"})
    create_instance(name="orders", type="Single", password=NEW_PASSWORD, requested_by=user)  # type: ignore[arg-type]
    dump = tmp_path / "dump.json"
    call_command("dumpdata", output=str(dump))
    assert Job.objects.count() == 2 and "ddsResetPassword" in dump.read_text()
    assert NEW_PASSWORD not in dump.read_text()
    job = claimed()
    complete(job)
    call_command("dumpdata", output=str(dump))
    assert NEW_PASSWORD not in dump.read_text() and NEW_PASSWORD not in caplog.text


# --- The dialog ----------------------------------------------------------------------------------------


def test_ok_resets_the_password_and_refreshes_the_list(htmx: Client) -> None:
    answer = htmx.post(reset_url(make_instance()), PASSWORD_FIELDS)
    assert answer.status_code == 204
    assert {"dialog-close", "refresh", "toast"} <= json.loads(answer.headers["HX-Trigger"]).keys()
    assert secret_of(Job.objects.get()) == NEW_PASSWORD


def test_ok_without_javascript_goes_to_the_instance(plain: Client) -> None:
    instance = make_instance()
    assert "<html" in plain.get(reset_url(instance)).text
    answer = plain.post(reset_url(instance), PASSWORD_FIELDS, follow=True)
    assert answer.redirect_chain == [(instance.get_absolute_url(), 302)]
    assert f"Resetting the password of {instance.name}." in answer.text


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"password": "", "confirmation": ""}, {"password": "Fill in", "confirmation": "Fill in"}),
        ({"confirmation": ""}, {"confirmation": "Fill in"}),
        ({"confirmation": "Another-1"}, {"confirmation": "The two passwords differ."}),
        ({"password": "simple-Password"}, {"password": "Add a digit", "confirmation": "The two passwords differ."}),
        ({"password": f"{NEW_PASSWORD} ", "confirmation": f"{NEW_PASSWORD} "}, {"password": "Use only letters"}),
    ],
)
def test_an_error_is_beside_its_field_and_the_typed_passwords_are_not_returned(
    htmx: Client, changes: dict[str, str], errors: dict[str, str]
) -> None:
    sent = PASSWORD_FIELDS | changes
    answer = htmx.post(reset_url(make_instance()), sent)
    assert answer.status_code == 422
    found = answer.context["form"].errors
    assert {name: errors[name] in str(found[name]) for name in found} == dict.fromkeys(errors, True)
    for typed in filter(None, sent.values()):
        assert f'value="{typed}"' not in answer.text
    assert not Job.objects.exists()


def test_generate_fills_both_fields_and_shows_the_password_once(htmx: Client) -> None:
    instance = make_instance()
    answer = htmx.post(reset_url(instance), {"password": "", "confirmation": "", "generate": "1"})
    form = answer.context["form"]
    assert answer.status_code == 200 and not form.errors and not Job.objects.exists()
    assert answer.headers["Cache-Control"] == "no-store"
    made = form.shown_password
    assert answer.text.count(f'value="{made}"') == 3 and f"<code>{made}</code>" in answer.text
    sent = {"password": made, "confirmation": made, "generated": made}
    # An error in another field keeps the generated password; typing a different one hides it.
    wrong = htmx.post(reset_url(instance), {**sent, "confirmation": "another"})
    assert f"<code>{made}</code>" in wrong.text
    assert made not in htmx.post(reset_url(instance), {**sent, "password": "typed"}).text
    assert htmx.post(reset_url(instance), sent).status_code == 204
    assert made not in htmx.get(instance.get_absolute_url()).text
    assert secret_of(Job.objects.get()) == made


def test_no_two_dialogs_show_the_same_password(htmx: Client) -> None:
    url = reset_url(make_instance())
    first, second = (htmx.post(url, {"generate": "1"}).context["form"].shown_password for _ in range(2))
    assert first != second


def test_the_dialog_says_so_if_a_reset_would_be_refused(htmx: Client) -> None:
    html = htmx.get(reset_url(make_instance(state=State.ABNORMAL))).text
    assert "no server on which to reset the password" in html and '<input type="password"' not in html


def test_the_dialog_says_that_a_reset_waits_for_a_running_backup(htmx: Client) -> None:
    assert "(Backing up) has ended" in htmx.get(reset_url(make_instance(action=Action.BACKUP))).text
    assert "has ended" not in htmx.get(reset_url(make_instance())).text


def test_a_refusal_is_shown_in_the_dialog(htmx: Client) -> None:
    answer = htmx.post(reset_url(make_instance(action=Action.RESTART)), PASSWORD_FIELDS)
    assert answer.status_code == 422 and "operation is running" in answer.text


def test_the_menu_and_basic_information_offer_a_reset_or_say_why_not(plain: Client) -> None:
    instance = make_instance()
    for page in (reverse("instances:list"), instance.get_absolute_url()):
        Instance.objects.update(action=Action.NONE)
        assert f'href="{reset_url(instance)}"' in plain.get(page).text
        Instance.objects.update(action=Action.RESTART)
        assert f'href="{reset_url(instance)}"' not in plain.get(page).text


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (True, "The console does not know the password."),
        (False, "No password is set yet, so nobody can sign in."),
        (None, "The users and their passwords are those of the backup"),
    ],
)
def test_basic_information_says_whether_a_password_is_set(plain: Client, known: bool | None, sentence: str) -> None:
    instance = make_instance(password_set=known)
    assert sentence in plain.get(reverse("instances:detail", args=[instance.id])).text


def test_unknown_ids_wrong_methods_and_anonymous_users_are_rejected(htmx: Client, client: Client) -> None:
    instance = make_instance()
    assert htmx.get("/instances/nothing/reset-password/").status_code == 404
    assert htmx.put(reset_url(instance)).status_code == 405
    assert client.post(reset_url(instance), PASSWORD_FIELDS).status_code == 302
    assert not Job.objects.exists()
