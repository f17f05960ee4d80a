"""Channels: create, edit, delete, test, and their pages."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.notifications import sending
from console.notifications.choices import EventKind, Level
from console.notifications.models import Channel, Delivery
from tests.console.notifications.channels import check_here, make_channel, offline, statuses

pytestmark = pytest.mark.django_db

LIST, CREATE = reverse("notifications:list"), reverse("notifications:create")
SECRET = "json://caller:sesame@127.0.0.1:9/hook"


@pytest.fixture(autouse=True)
def urls_are_checked_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check URLs by the same function, but without a process for each: test_sender.py has the real one."""
    monkeypatch.setattr(sending, "check", check_here)


def filled(**fields: object) -> dict[str, object]:
    return {
        **{"name": "On-call team", "url": SECRET, "events": ["backup_failed", "host_offline"], "minimum": "warning"},
        **{"enabled": "on", "request_key": str(uuid4()), **fields},
    }


def test_a_channel_is_created_with_its_url_encrypted(htmx: Client) -> None:
    answer = htmx.post(CREATE, filled())
    assert answer.status_code == 204, answer.content.decode()
    channel = Channel.objects.get()
    assert (channel.name, channel.kinds, channel.level, channel.enabled) == (
        "On-call team",
        [EventKind.BACKUP_FAILED, EventKind.HOST_OFFLINE],
        Level.WARNING,
        True,
    )
    assert channel.url == SECRET and channel.shown_url == "json://…"
    assert "sesame" not in channel.sealed_url and "sesame" not in str(Channel.objects.values())


def test_no_page_shows_the_url_again(htmx: Client) -> None:
    htmx.post(CREATE, filled())
    channel = Channel.objects.get()
    htmx.post(reverse("notifications:edit", args=[channel.pk]), filled(url="json://caller:sesame@localhost:9/other"))
    pages = [LIST, channel.get_absolute_url(), "/audit/", "/audit/?format=csv"]
    pages += [reverse(f"notifications:{name}", args=[channel.pk]) for name in ("edit", "delete", "test")]
    for path in pages:
        answer = htmx.get(path)
        assert answer.status_code == 200
        text = answer.getvalue().decode()
        assert "sesame" not in text and "127.0.0.1:9" not in text and "localhost:9" not in text, path
    assert "sesame" not in str(list(AuditEvent.objects.values()))


def test_a_dialog_submitted_twice_creates_one_channel(htmx: Client) -> None:
    form = filled()
    htmx.post(CREATE, form)
    htmx.post(CREATE, form)
    assert Channel.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, "Fill in this field."),
        ({"name": "x" * 65}, "Use at most 64 characters"),
        ({"name": "a<b"}, "Remove &lt;"),
        ({"url": ""}, "Fill in this field."),
        ({"url": "nonsense"}, "This is not a URL that Apprise understands."),
        ({"url": "syslog://"}, "This URL is for programs or devices of this machine."),
        ({"url": "json://169.254.169.254/"}, "The URL leads to a link-local address"),
        ({"url": "json://a/" + "x" * 2000}, "at most 2000 characters"),
        ({"events": []}, "Choose at least one event."),
        ({"events": ["other"]}, "Select a valid choice"),
        ({"minimum": "other"}, "Select a valid choice"),
        ({"request_key": "x"}, "This dialog can no longer be used."),
    ],
)
def test_invalid_input_is_shown_beside_its_field(htmx: Client, fields: dict[str, object], error: str) -> None:
    answer = htmx.post(CREATE, filled(**fields))
    assert answer.status_code == 422 and error in answer.content.decode()
    assert not Channel.objects.exists()


def test_an_empty_url_keeps_the_present_one(htmx: Client) -> None:
    channel = make_channel(SECRET)
    edit = reverse("notifications:edit", args=[channel.pk])
    assert htmx.post(edit, filled(url="", name="Nights")).status_code == 204
    changed = Channel.objects.get()
    assert (changed.url, changed.name, changed.minimum) == (SECRET, "Nights", "warning")
    event = AuditEvent.objects.get(trace="consoleEditChannel")
    assert "Name: on-call → Nights" in event.details and "URL" not in event.details


def test_a_new_url_replaces_the_present_one(htmx: Client) -> None:
    channel = make_channel()
    edit = reverse("notifications:edit", args=[channel.pk])
    assert htmx.post(edit, filled(url=SECRET)).status_code == 204
    assert Channel.objects.get().url == SECRET
    assert "Apprise URL: the old one → a new one" in AuditEvent.objects.get(trace="consoleEditChannel").details


@pytest.mark.parametrize("url", ["", SECRET])
def test_an_edit_that_came_first_is_not_overwritten_unseen(htmx: Client, url: str) -> None:
    channel = make_channel()
    edit = reverse("notifications:edit", args=[channel.pk])
    opened = htmx.get(edit).context["form"]["opened_with"].value()
    Channel.objects.update(name="changed meanwhile")
    answer = htmx.post(edit, filled(url=url, opened_with=opened))
    assert answer.status_code == 422 and "changed meanwhile" in answer.content.decode()
    again = answer.context["form"]["opened_with"].value()
    assert htmx.post(edit, filled(url=url, opened_with=again)).status_code == 204


def test_what_waits_for_a_channel_that_is_turned_off_is_given_up(htmx: Client) -> None:
    channel = make_channel()
    offline()
    form = filled(url="")
    del form["enabled"]
    assert htmx.post(reverse("notifications:edit", args=[channel.pk]), form).status_code == 204
    assert statuses() == ["given_up"] and Delivery.objects.get().failure == "The channel was turned off."


def test_a_channel_is_deleted_with_its_deliveries(htmx: Client, plain: Client) -> None:
    channel = make_channel()
    offline()
    delete = reverse("notifications:delete", args=[channel.pk])
    assert htmx.get(delete).status_code == 200 and Channel.objects.exists()
    assert plain.post(delete)["Location"] == LIST
    assert not Channel.objects.exists() and not Delivery.objects.exists()
    assert htmx.get(channel.get_absolute_url()).status_code == 404
    assert htmx.post(delete).status_code == 404


def test_a_test_is_queued_for_an_agent(htmx: Client) -> None:
    channel = make_channel()
    test = reverse("notifications:test", args=[channel.pk])
    assert htmx.get(test).status_code == 200 and not Delivery.objects.exists()
    assert htmx.post(test).status_code == 204
    delivery = Delivery.objects.get()
    assert delivery.event is None and delivery.shown_status.in_progress
    assert 'hx-trigger="every 1s"' in htmx.get(channel.get_absolute_url()).content.decode()


def test_everything_is_audited(htmx: Client) -> None:
    htmx.post(CREATE, filled())
    channel = Channel.objects.get()
    for name in ("test", "edit", "delete"):
        htmx.post(reverse(f"notifications:{name}", args=[channel.pk]), filled(url=""))
    found = AuditEvent.objects.filter(resource_type="channel", outcome=Outcome.SUCCEEDED).order_by("id")
    assert [(each.trace, each.resource_name) for each in found] == [
        (f"console{verb}Channel", "On-call team") for verb in ("Create", "Test", "Edit", "Delete")
    ]


def test_the_pages_without_javascript(plain: Client) -> None:
    assert "Create Channel" in plain.get(LIST).content.decode()
    assert plain.post(CREATE, filled())["Location"] == LIST
    channel = Channel.objects.get()
    page = plain.get(channel.get_absolute_url()).content.decode()
    assert "Backup failed" in page and "json://…" in page


@pytest.mark.parametrize("number", [1, 50])
def test_pages_cost_the_same_queries_whatever_they_show(
    htmx: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(number):
        channel = make_channel()
    for host in range(number):
        offline(str(host))
    with django_assert_num_queries(4):
        htmx.get(LIST)
    with django_assert_num_queries(4):
        htmx.get(channel.get_absolute_url())


def test_deliveries_can_be_filtered(htmx: Client) -> None:
    channel = make_channel()
    offline()
    assert "Host one is offline" in htmx.get(channel.get_absolute_url(), {"status": "waiting"}).content.decode()
    assert "No delivery matches." in htmx.get(channel.get_absolute_url(), {"status": "delivered"}).content.decode()
