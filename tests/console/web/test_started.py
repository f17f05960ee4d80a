"""The toast of an action: busy while work that it started is under way, with the keys by which its end is found."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from console.web import started
from instances.models import Job
from tests.factories import make_backup, make_instance

pytestmark = pytest.mark.django_db


def toast_of(answer: HttpResponse | Any) -> dict[str, Any]:
    assert answer.status_code == 204
    toast: dict[str, Any] = json.loads(answer.headers["HX-Trigger"])["toast"]
    return toast


def test_started_work_has_a_busy_mark_and_its_key(htmx: Client) -> None:
    toast = toast_of(htmx.post(reverse("instances:restart", args=[make_instance().id])))
    assert toast["tone"] == "busy" and toast["keys"] == [started.key_of(Job.objects.get().id)]


def test_what_is_done_at_once_has_a_tick(htmx: Client) -> None:
    toast = toast_of(htmx.post(reverse("backups:lock", args=[make_backup().id])))
    assert toast["tone"] == "ok" and toast["keys"] == []


def test_a_dialog_submitted_again_reports_the_same_work(htmx: Client) -> None:
    url = reverse("backups:create-for-instance", args=[make_instance().id])
    data = {"name": "abcd", "request_key": "0" * 32}
    first, second = toast_of(htmx.post(url, data)), toast_of(htmx.post(url, data))
    assert first["tone"] == second["tone"] == "busy" and first["keys"] == second["keys"]


def test_deleting_several_backups_has_the_keys_of_all(htmx: Client) -> None:
    ids = [make_backup().id for _ in range(3)]
    toast = toast_of(htmx.post(reverse("backups:delete-selected"), {"id": ids}))
    assert toast["tone"] == "busy" and len(set(toast["keys"])) == 3


def test_without_javascript_the_message_has_the_mark_and_the_keys(plain: Client) -> None:
    answer = plain.post(reverse("instances:restart", args=[make_instance().id]), follow=True)
    assert f'data-tone="busy" data-keys="{started.key_of(Job.objects.get().id)}"' in answer.text
    answer = plain.post(reverse("backups:lock", args=[make_backup().id]), follow=True)
    assert 'data-tone="ok" data-keys=""' in answer.text


def test_outside_a_request_nothing_is_noted() -> None:
    started.note(Job().id)
    assert started.keys() == []
