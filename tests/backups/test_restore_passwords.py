"""The passwords of a restored instance: the explanation in the dialogs, and an optional new password."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from backups.models import Backup
from backups.services.restore import restore_to_new_instance
from console.audit.models import AuditEvent
from instances.models import Instance, Job
from instances.queue.job import secret_of
from tests.factories import NEW_PASSWORD, PASSWORD_FIELDS, make_backup

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, settings: Settings) -> None:
    settings.CONSOLE_HOME = tmp_path


@pytest.fixture
def backup() -> Backup:
    return make_backup()


def to_new(backup: Backup) -> str:
    return reverse("backups:restore", args=[backup.id])


def form(**changes: Any) -> dict[str, Any]:
    return {"name": "orders-copy", "request_key": "0" * 32, **changes}


def test_without_a_new_password_the_copy_keeps_the_passwords_of_the_backup(htmx: Client, backup: Backup) -> None:
    assert htmx.post(to_new(backup), form(password="", confirmation="")).status_code == 204
    assert Job.objects.get().secret == ""
    assert Instance.objects.get(name="orders-copy").password_set is None


def test_a_new_password_is_sealed_for_the_agent(htmx: Client, backup: Backup) -> None:
    assert htmx.post(to_new(backup), form(**PASSWORD_FIELDS)).status_code == 204
    job = Job.objects.get()
    assert secret_of(job) == NEW_PASSWORD and NEW_PASSWORD not in f"{job.secret} {job.parameters}"
    assert Instance.objects.get(name="orders-copy").password_set is True
    assert NEW_PASSWORD not in repr(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "simple", "confirmation": "simple"}, "password"),
        ({"password": NEW_PASSWORD, "confirmation": ""}, "confirmation"),
        ({"password": "", "confirmation": NEW_PASSWORD}, "confirmation"),
    ],
)
def test_an_error_is_shown_beside_its_field(htmx: Client, backup: Backup, changes: dict[str, str], field: str) -> None:
    answer = htmx.post(to_new(backup), form(**changes))
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert not Job.objects.exists()


def test_the_service_enforces_the_rule(user: User, backup: Backup) -> None:
    with pytest.raises(ValidationError):
        restore_to_new_instance(backup=backup, name="orders-copy", password="simple", requested_by=user)
    assert not Job.objects.exists()


def test_generate_fills_the_fields_of_the_dialog(htmx: Client, backup: Backup) -> None:
    answer = htmx.post(to_new(backup), form(generate="1"))
    assert answer.status_code == 200 and not Job.objects.exists()
    assert f"<code>{answer.context['form'].shown_password}</code>" in answer.text
    assert 'value="orders-copy"' in answer.text


def test_the_dialogs_show_which_passwords_apply(htmx: Client, backup: Backup) -> None:
    assert "has the users of the backup, with their passwords of that time" in htmx.get(to_new(backup)).text
    original = htmx.get(reverse("backups:restore-to-original", args=[backup.id])).text
    assert "rwuser keeps its current password" in original
