"""The column Next Backup of Instance Management."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.models import Policy
from backups.planned import next_backups
from instances.choices import Action, State
from instances.models import Instance
from instances.plans import PlannedBackup
from tests.factories import make_instance, make_policy

pytestmark = pytest.mark.django_db
LIST = reverse("instances:list")


def planned(instance: Instance) -> PlannedBackup | None:
    return next_backups(Instance, instances=[instance]).get(instance.pk)


def test_an_instance_without_a_row_has_the_default_policys_next_window() -> None:
    instance = make_instance()
    plan = planned(instance)
    assert plan and plan.at == Policy.default(instance).next_run and not plan.is_off and not plan.is_due


def test_a_policy_that_is_off_has_no_next_backup(plain: Client) -> None:
    instance = make_instance()
    make_policy(instance, enabled=False)
    plan = planned(instance)
    assert plan and plan.is_off
    assert "Off" in plain.get(LIST).text.split('data-label="Next Backup"')[1].split("</td>")[0]


def test_a_window_that_waits_for_its_backup_is_due(plain: Client) -> None:
    make_policy(make_instance(), start_hour=timezone.now().hour, next_window=timezone.now() - timedelta(minutes=1))
    assert "Due" in plain.get(LIST).text.split('data-label="Next Backup"')[1].split("</td>")[0]


@pytest.mark.parametrize("fields", [{"state": State.CREATION_FAILED}, {"action": Action.DELETE}], ids=str)
def test_no_backup_is_planned_of_an_instance_that_will_have_none(fields: dict[str, Any]) -> None:
    assert planned(make_instance(**fields)) is None


def test_last_and_next_backup_are_columns_by_default(plain: Client) -> None:
    instance = make_instance(last_backup_at=timezone.now())
    columns = plain.get(LIST).context["columns"]
    assert columns["last_backup"].shown and columns["next_backup"].shown
    assert planned(instance)
