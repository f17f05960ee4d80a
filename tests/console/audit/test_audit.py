"""The audit: the events that actions record, their immutability, and the page that shows them."""

import csv
import io
import re
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from backups.models import Backup
from backups.services.create import create_backup
from console.accounts.roles import NotAllowed, Permission, Role
from console.audit import audited as audit
from console.audit.audited import audited
from console.audit.choices import Outcome, ResourceKind
from console.audit.models import AppendOnly, AuditEvent
from console.text.refused import Refused
from instances.choices import Action, InstanceType
from instances.models import Instance
from instances.services import create_instance, delete_instance, rename_instance
from tests.factories import PASSWORD_FIELDS, make_instance, make_user

pytestmark = pytest.mark.django_db
AUDIT = reverse("audit")


def make_event(**fields: Any) -> AuditEvent:
    fields.setdefault("trace", "ddsCreateInstance")
    fields.setdefault("outcome", Outcome.SUCCEEDED)
    return AuditEvent.objects.create(**fields)


def actions() -> list[AuditEvent]:
    """Return all events except sign-ins, oldest first."""
    return list(AuditEvent.objects.exclude(trace=audit.SIGN_IN).order_by("id"))


# --- Events of an action ----------------------------------------------------------------------------


def test_a_success_is_recorded_with_its_user_action_and_resource(user: User) -> None:
    instance = create_instance(name="orders", type=InstanceType.CLUSTER, requested_by=user)
    event = AuditEvent.objects.get()
    assert (event.user, event.user_name, event.trace) == (user, user.username, "ddsCreateInstance")
    assert (event.resource_type, event.resource_id, event.resource_name) == ("instance", instance.id, "orders")
    assert (event.outcome, event.reason, event.address) == (Outcome.SUCCEEDED, "", None)


def test_the_resource_is_the_created_row_or_else_the_row_of_the_refusal(user: User) -> None:
    instance = make_instance(name="orders")
    backup = create_backup(instance=instance, name="nightly", requested_by=user)
    with pytest.raises(Refused):
        create_backup(instance=instance, name="another", requested_by=user)
    made, refused = AuditEvent.objects.order_by("id")
    assert (made.resource_type, made.resource_id, made.resource_name) == ("backup", backup.id, "nightly")
    assert (refused.resource_type, refused.resource_id, refused.outcome) == ("instance", instance.id, Outcome.REFUSED)
    assert "No backup can be made now" in refused.reason


def test_a_change_is_rolled_back_if_it_cannot_be_recorded(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(audit, "record", broken)
    with pytest.raises(OSError, match="no space"):
        create_instance(name="orders", type=InstanceType.CLUSTER, requested_by=user)
    assert not Instance.objects.exists()


def test_an_invalid_name_is_recorded_as_refused(user: User) -> None:
    with pytest.raises(ValidationError):
        create_instance(name="1st", type=InstanceType.CLUSTER, requested_by=user)
    event = AuditEvent.objects.get()
    assert (event.outcome, event.resource_name) == (Outcome.REFUSED, "1st")
    assert "Start the name with a letter" in event.reason


def test_the_name_of_a_rejected_resource_may_contain_anything(user: User) -> None:
    for name in ("a\0b", "a\x1b[31m\u202eb", "x" * 1000, ""):
        with pytest.raises(ValidationError):
            create_instance(name=name, type=InstanceType.CLUSTER, requested_by=user)
    assert {event.resource_name for event in AuditEvent.objects.all()} == {
        r"a\x00b",
        r"a\x1b[31m\u202eb",
        "x" * 150,
        "",
    }


def test_a_deleted_resource_is_recorded_under_its_last_name(user: User) -> None:
    @audited("ddsRemove", needs=None, resource="instance")
    def remove(*, instance: Instance, requested_by: User | None) -> None:
        instance.delete()

    instance = make_instance(name="orders")
    id = instance.id
    remove(instance=instance, requested_by=user)
    event = AuditEvent.objects.get()
    assert (event.resource_id, event.resource_name) == (id, "orders")


def test_an_unexpected_error_is_recorded_as_failed_and_raised(user: User) -> None:
    @audited("ddsBreak", needs=None, resource="instance")
    def breaks(*, instance: Instance, requested_by: User | None) -> None:
        Instance.objects.filter(pk=instance.pk).update(name="half-done")
        raise ZeroDivisionError

    instance = make_instance(name="orders")
    with pytest.raises(ZeroDivisionError):
        breaks(instance=instance, requested_by=user)
    event = AuditEvent.objects.get()
    assert (event.outcome, event.reason, event.resource_id) == (Outcome.FAILED, "ZeroDivisionError", instance.id)
    instance.refresh_from_db()
    assert instance.name == "orders"


@pytest.mark.parametrize("role", [Role.READ_ONLY, Role.BACKUP_OPERATOR])
def test_a_role_without_the_permission_is_refused_and_recorded(role: Role) -> None:
    user, instance = make_user(role), make_instance()
    with pytest.raises(NotAllowed, match=str(role.label)):
        delete_instance(instance=instance, requested_by=user)
    event = AuditEvent.objects.get()
    assert (event.outcome, event.user, event.resource_id) == (Outcome.REFUSED, user, instance.id)
    instance.refresh_from_db()
    assert instance.action == Action.NONE


def test_the_console_needs_no_permission_and_is_recorded_without_a_user() -> None:
    create_instance(name="orders", type=InstanceType.CLUSTER, requested_by=None)
    event = AuditEvent.objects.get()
    assert (event.user, event.user_name) == (None, "")


def test_a_repeated_request_is_one_event(user: User) -> None:
    instance, key = make_instance(), uuid.uuid4()
    for _ in range(2):
        create_backup(instance=instance, name="nightly", requested_by=user, request_key=key)
    assert AuditEvent.objects.count() == 1


def test_a_nested_action_needs_only_the_outer_permission_and_is_recorded_too() -> None:
    @audited("ddsOuter", needs=Permission.CREATE_BACKUP, resource="instance")
    def outer(*, instance: Instance, requested_by: User | None) -> None:
        rename_instance(instance=instance, name="renamed", requested_by=requested_by)

    outer(instance=make_instance(), requested_by=make_user(Role.BACKUP_OPERATOR))
    assert [event.trace for event in AuditEvent.objects.order_by("id")] == ["ddsRenameInstance", "ddsOuter"]


def test_a_refusal_of_a_nested_action_is_one_event(user: User) -> None:
    @audited("ddsOuter", needs=None, resource="instance")
    def outer(*, instance: Instance, requested_by: User | None) -> None:
        create_backup(instance=instance, name="nightly", requested_by=requested_by)

    with pytest.raises(Refused):
        outer(instance=make_instance(action=Action.RESTORE), requested_by=user)
    assert [(event.trace, event.outcome) for event in actions()] == [("ddsOuter", Outcome.REFUSED)]
    assert not Backup.objects.exists()


def test_a_refusal_that_the_outer_action_suppresses_is_recorded(user: User) -> None:
    @audited("ddsOuter", needs=None, resource="instance")
    def outer(*, instance: Instance, requested_by: User | None) -> None:
        with suppress(Refused):
            create_backup(instance=instance, name="nightly", requested_by=requested_by)

    outer(instance=make_instance(action=Action.RESTORE), requested_by=user)
    assert [(event.trace, event.outcome) for event in actions()] == [
        ("ddsCreateBackup", Outcome.REFUSED),
        ("ddsOuter", Outcome.SUCCEEDED),
    ]


def test_a_service_without_requested_by_cannot_be_an_action() -> None:
    with pytest.raises(TypeError, match="requested_by"):

        @audited("ddsWrong", needs=None, resource="instance")
        def wrong(*, instance: Instance) -> None: ...


# --- Append-only ---------------------------------------------------------------------------------------


def test_events_cannot_be_changed_or_deleted() -> None:
    event = make_event(reason="as it was")
    event.reason = "as somebody wishes it was"
    for change in (
        event.save,
        event.delete,
        lambda: AuditEvent.objects.update(reason=""),
        lambda: AuditEvent.objects.filter(pk=event.pk).delete(),
        lambda: AuditEvent.objects.bulk_update([event], ["reason"]),
        lambda: AuditEvent.objects.bulk_create([event]),
        lambda: AuditEvent.objects.update_or_create({"reason": ""}, pk=event.pk),
    ):
        with pytest.raises(AppendOnly), transaction.atomic():
            change()
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent(pk=event.pk, trace="another", outcome=Outcome.SUCCEEDED).save()
    assert AuditEvent.objects.get().reason == "as it was"


def test_events_keep_the_name_of_a_deleted_user(user: User) -> None:
    make_event(user=user, user_name=user.username)
    name = user.username
    user.delete()
    event = AuditEvent.objects.get()
    assert (event.user, event.user_name) == (None, name)


# --- Source address --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "not an address", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_only_configured_proxies_can_set_the_source_address(
    plain: Client, proxies: int, forwarded: str, address: str
) -> None:
    with override_settings(CONSOLE_PROXIES=proxies):
        plain.post(
            reverse("instances:create"),
            {"name": "orders", "type": "Single", "request_key": "0" * 32, **PASSWORD_FIELDS},
            REMOTE_ADDR="192.0.2.1",
            headers={"X-Forwarded-For": forwarded},
        )
    assert [event.address for event in actions()] == [address]


# --- Signing in and out --------------------------------------------------------------------------------


def test_sign_ins_failed_sign_ins_and_sign_outs_are_recorded(client: Client) -> None:
    user = make_user(username="operator")
    client.post("/sign-in/", {"username": "operator", "password": "wrong"})
    client.post("/sign-in/", {"username": "nobody", "password": "wrong"})
    client.post("/sign-in/", {"username": "operator", "password": "correct horse"})
    client.post("/sign-out/")
    events = AuditEvent.objects.order_by("id")
    assert [(event.trace, event.user_name, event.user, event.outcome) for event in events] == [
        (audit.SIGN_IN, "operator", None, Outcome.REFUSED),
        (audit.SIGN_IN, "nobody", None, Outcome.REFUSED),
        (audit.SIGN_IN, "operator", user, Outcome.SUCCEEDED),
        (audit.SIGN_OUT, "operator", user, Outcome.SUCCEEDED),
    ]
    assert {event.address for event in events} == {"127.0.0.1"}


# --- The page ------------------------------------------------------------------------------------------


def found(answer: Any) -> list[str]:
    return [event.resource_name for event in answer.context["events"] if event.trace != audit.SIGN_IN]


def test_the_page_shows_all_fields_of_each_event_newest_first(plain: Client) -> None:
    for name in ("first", "second"):
        make_event(
            user_name="operator", resource_type="instance", resource_id=f"{name}-id", resource_name=name,
            address="203.0.113.9", outcome=Outcome.REFUSED, reason="An operation is running.",
        )  # fmt: skip
    answer = plain.get(AUDIT)
    html = answer.content.decode()
    assert found(answer) == ["second", "first"]
    for text in ("operator", "ddsCreateInstance", "first-id", "203.0.113.9", "Refused", "An operation is running."):
        assert text in html, text


def test_the_page_names_the_kind_of_a_resource_in_the_viewers_language(plain: Client) -> None:
    for kind in (*ResourceKind.values, "something-else"):
        audit.record("dds", user=None, resource=audit.Resource(kind, "1", "orders"))
    plain.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    shown = re.findall(r'<span class="secondary">([^<]+)</span> orders', plain.get(reverse("audit")).text)
    assert shown[::-1] == ["实例", "备份", "用户", "主机", "渠道", "钩子", "something-else"]


def test_the_reason_does_not_store_the_rejected_input(user: User) -> None:
    with pytest.raises(ValidationError):
        create_instance(name="secret-" * 10, type=InstanceType.SINGLE_NODE, requested_by=user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reason FROM console_auditevent")
        assert "secret" not in cursor.fetchone()[0]


def test_the_filters_narrow_the_list(plain: Client) -> None:
    now = timezone.now()
    make_event(user_name="ann", resource_name="orders", resource_id="a" * 32, time=now - timedelta(days=2))
    make_event(user_name="bob", resource_name="users", resource_id="b" * 32, outcome=Outcome.FAILED)
    assert found(plain.get(AUDIT, {"user": "ann"})) == ["orders"]
    assert (
        found(plain.get(AUDIT, {"resource": "users"})) == found(plain.get(AUDIT, {"resource": "b" * 32})) == ["users"]
    )
    assert found(plain.get(AUDIT, {"outcome": "failed"})) == ["users"]
    yesterday = f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert found(plain.get(AUDIT, {"since": yesterday})) == ["users"]
    assert found(plain.get(AUDIT, {"until": yesterday})) == ["orders"]
    assert found(plain.get(AUDIT, {"user": "ann", "outcome": "failed"})) == []


def test_the_to_filter_includes_its_whole_minute(plain: Client) -> None:
    make_event(resource_name="orders", time=datetime(2026, 5, 1, 12, 30, 59, tzinfo=UTC))
    assert found(plain.get(AUDIT, {"until": "2026-05-01T12:30"})) == ["orders"]
    assert found(plain.get(AUDIT, {"until": "2026-05-01T12:29"})) == []


@pytest.mark.parametrize(
    "query", ["?outcome=x", "?since=x", "?before=x", "?after=999999999999999999999", "?user=%00", "?before=%FF"]
)
def test_an_unknown_filter_value_is_no_error(plain: Client, query: str) -> None:
    assert plain.get(AUDIT + query).status_code == 200


def test_paging_shows_every_event_once_and_keeps_the_filters(plain: Client) -> None:
    same = timezone.now()
    for number in range(120):
        make_event(user_name="ann", resource_name=f"r-{number:03}", time=same)
        make_event(user_name="bob", resource_name="not-hers", time=same)
    seen, url = [], f"{AUDIT}?user=ann&size=50"
    while url:
        answer = plain.get(url)
        seen += found(answer)
        url = answer.context["page"].next
        assert not url or url.replace("&", "&amp;") in answer.content.decode()
    assert seen == [f"r-{number:03}" for number in reversed(range(120))]


@pytest.mark.parametrize("rows", [1, 50])
def test_the_list_needs_the_same_few_queries_for_any_number_of_rows(
    plain: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        audit.record("dds", user=None, resource=audit.resource_of(make_instance(name=f"r-{number:03}")))
    with django_assert_num_queries(7):
        answer = plain.get(f"{AUDIT}?size=100")
    assert len(found(answer)) == rows


def test_a_resource_that_still_exists_links_to_its_page(plain: Client) -> None:
    instance = make_instance(name="still-there")
    for id in (instance.id, "gone"):
        make_event(resource_type="instance", resource_id=id, resource_name=f"name-of-{id}")
    links = re.findall('<a href="([^"]+)">name-of-', plain.get(AUDIT).text)
    assert links == [instance.get_absolute_url()]


def test_events_can_be_sorted_oldest_first(plain: Client) -> None:
    for name in ("first", "second"):
        make_event(resource_name=name)
    assert found(plain.get(f"{AUDIT}?sort=time")) == ["first", "second"]


def test_the_fragment_is_only_the_list(htmx: Client) -> None:
    html = htmx.get(AUDIT).content.decode()
    assert "<html" not in html and 'id="audit-list"' in html


def test_the_export_streams_the_filtered_events(plain: Client) -> None:
    make_event(user_name="ann", resource_name="orders", reason='=HYPERLINK("http://x")')
    make_event(user_name="bob", resource_name="users")
    answer = plain.get(AUDIT, {"user": "ann", "format": "csv"})
    assert isinstance(answer, StreamingHttpResponse)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [row["resource_name"] for row in rows] == ["orders"]
    assert rows[0]["reason"] == '\'=HYPERLINK("http://x")'


def test_wrong_methods_and_anonymous_users_are_rejected(plain: Client, client: Client) -> None:
    for url in (AUDIT, f"{AUDIT}?format=csv"):
        assert plain.post(url).status_code == 405
        assert client.get(url).status_code == 302
