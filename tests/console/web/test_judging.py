"""The rules that the script gets to judge what users type; tests/e2e/test_errors.py compares it with the server."""

import json
from html import unescape
from typing import Any

import pytest
from django import forms
from django.test import Client
from django.urls import reverse

from console.web.forms import DescriptionField, DialogForm, NameField
from console.web.judging import exactly, rules_of
from tests.factories import make_instance


class Form(DialogForm):
    name = NameField()
    description = DescriptionField()
    days = forms.IntegerField(min_value=1, max_value=732, required=False)


def rules(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(rules_of(Form({})[name]))
    return found


def test_the_length_of_the_text_is_left_to_the_script() -> None:
    assert {"wrong": "^.{0,3}$", "say": "Use at least 4 characters (it has {length})."} in rules("name")
    assert {"wrong": "^.{257}", "say": "Use at most 256 characters (it has {length})."} in rules("description")


def test_only_a_required_field_has_the_rule_that_it_is_required() -> None:
    assert rules("name")[0] == {"required": True, "say": "Fill in this field."}
    assert not any("required" in rule for rule in rules("description"))


def test_a_number_has_its_limits() -> None:
    assert [rule["number"] for rule in rules("days")] == [[1, 732]]


def test_a_text_to_repeat_is_taken_literally() -> None:
    assert exactly("a.b-c_(1)", "No.")["wrong"] == r"^(?!a\.b-c_\(1\)$)"


@pytest.mark.django_db
def test_a_form_has_rules_once_it_has_been_submitted(htmx: Client) -> None:
    url = reverse("backups:create-for-instance", args=[make_instance().id])
    assert "data-rules" not in htmx.get(url).text
    answer = htmx.post(url, {"name": "1"})
    assert answer.status_code == 422
    assert '{"wrong": "^.{0,3}$"' in unescape(answer.text)
