"""The access matrix: every address, every method, every role. A page that is not in the table fails its test."""

import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from backups.models import Backup
from console.accounts.roles import MAY, Permission, Role
from console.audit.audited import SIGN_IN
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from instances.choices import Action, JobKind
from instances.models import Instance, Job
from tests.conftest import HTMX
from tests.console.notifications.channels import make_channel
from tests.factories import make_backup, make_instance, make_job, make_user

pytestmark = pytest.mark.django_db

EVERYBODY = None
# This repeats the code's permissions on purpose, to state what they have to be.
NEEDS: dict[str, Permission | None] = {
    "home": Permission.VIEW,
    "healthz": EVERYBODY,
    "metrics": EVERYBODY,
    "readyz": EVERYBODY,
    "sign-in": EVERYBODY,
    "language": EVERYBODY,
    "sign-out": EVERYBODY,
    "password-change": EVERYBODY,
    "keys": EVERYBODY,
    "theme": EVERYBODY,
    "time-zone": EVERYBODY,
    "sessions": EVERYBODY,
    "sessions-end-others": EVERYBODY,
    "session-end": EVERYBODY,
    "activity": Permission.VIEW,
    "audit": Permission.READ_AUDIT,
    "users": Permission.MANAGE_USERS,
    "settings": Permission.MANAGE_SETTINGS,
    "storage-test": Permission.MANAGE_SETTINGS,
    "user-create": Permission.MANAGE_USERS,
    "user-role": Permission.MANAGE_USERS,
    "user-reset-password": Permission.MANAGE_USERS,
    "user-end-sessions": Permission.MANAGE_USERS,
    "user-deactivate": Permission.MANAGE_USERS,
    "user-activate": Permission.MANAGE_USERS,
    "notifications:list": Permission.MANAGE_CHANNELS,
    "notifications:create": Permission.MANAGE_CHANNELS,
    "notifications:detail": Permission.MANAGE_CHANNELS,
    "notifications:edit": Permission.MANAGE_CHANNELS,
    "notifications:delete": Permission.MANAGE_CHANNELS,
    "notifications:test": Permission.MANAGE_CHANNELS,
    "notifications:read": Permission.VIEW,
    "backups:list": Permission.VIEW,
    "backups:instance": Permission.VIEW,
    "backups:create": Permission.CREATE_BACKUP,
    "backups:create-for-instance": Permission.CREATE_BACKUP,
    "backups:instance-options": Permission.CREATE_BACKUP,
    "backups:detail": Permission.VIEW,
    "backups:delete": Permission.MANAGE_BACKUPS,
    "backups:delete-selected": Permission.MANAGE_BACKUPS,
    "backups:cancel": Permission.MANAGE_BACKUPS,
    "backups:edit-description": Permission.MANAGE_BACKUPS,
    "backups:lock": Permission.MANAGE_BACKUPS,
    "backups:unlock": Permission.MANAGE_BACKUPS,
    "backups:policy": Permission.MANAGE_INSTANCES,
    "backups:policy-preview": Permission.MANAGE_INSTANCES,
    "backups:choose": Permission.RESTORE_TO_NEW,
    "backups:restore": Permission.RESTORE_TO_NEW,
    "backups:restore-to-original": Permission.MANAGE_INSTANCES,
    "backups:restore-to-deployment": Permission.MANAGE_INSTANCES,
    "backups:task": Permission.VIEW,
    "backups:task-retry": Permission.VIEW,
    "backups:verify": Permission.MANAGE_BACKUPS,
    "backups:download": Permission.DOWNLOAD_BACKUP,
    "backups:sha256": Permission.VIEW,
    "instances:tasks": Permission.VIEW,
    "columns": Permission.VIEW,
    "notice-away": Permission.VIEW,
    "instances:list": Permission.VIEW,
    "instance": Permission.VIEW,
    "search": Permission.VIEW,
    "start-put-away": Permission.VIEW,
    "instances:detail": Permission.VIEW,
    "instances:instance-tasks": Permission.VIEW,
    "instances:name": Permission.VIEW,
    "instances:create": Permission.MANAGE_INSTANCES,
    "instances:add-existing": Permission.MANAGE_INSTANCES,
    "instances:edit-connection": Permission.MANAGE_INSTANCES,
    "instances:test-connection": Permission.MANAGE_INSTANCES,
    "instances:delete": Permission.MANAGE_INSTANCES,
    "instances:rename": Permission.MANAGE_INSTANCES,
    "instances:reset-password": Permission.MANAGE_INSTANCES,
    "instances:restart": Permission.MANAGE_INSTANCES,
}


def patterns(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, f"{entry.namespace}:" if entry.namespace else namespace)
        else:
            yield f"{namespace}{entry.name}", entry


ALL = dict(patterns(get_resolver()))
ROLES: list[Role | None] = [*Role, None]


def make_user_with(role: Role | None) -> User:
    user = make_user(role or Role.READ_ONLY)
    if role is None:
        user.groups.clear()
    return user


def path_of(name: str, pattern: URLPattern) -> str:
    instance = make_instance(name="untouched")
    values: dict[str, object] = {
        "instance_id": instance.id,
        "backup_id": make_backup(instance).id,
        "session_id": "0" * 32,
        "user_id": make_user(Role.READ_ONLY).pk,
        "host_name": instance.host_id,
        "task_id": make_job(kind=JobKind.RESTART).id,
        "list_id": "task-list",
    }
    if "channel_id" in pattern.pattern.converters:
        values["channel_id"] = make_channel().pk
    return reverse(name, kwargs={key: values[key] for key in pattern.pattern.converters})


def test_every_address_is_in_the_matrix() -> None:
    assert set(ALL) == set(NEEDS)


@pytest.mark.parametrize("role", ROLES, ids=str)
@pytest.mark.parametrize("name", NEEDS)
def test_a_role_gets_403_where_it_lacks_the_permission(name: str, role: Role | None) -> None:
    path, user = path_of(name, ALL[name]), make_user_with(role)
    allowed = NEEDS[name] is None or (role is not None and NEEDS[name] in MAY[role])
    jobs, backups = Job.objects.count(), Backup.objects.count()
    for headers in ({}, HTMX):
        client = Client(headers=headers)
        client.force_login(user)
        # POST comes last because it may sign the user out.
        for method in ("get", "head", "put", "patch", "delete", "post"):
            status = getattr(client, method)(path).status_code
            assert status < 500
            assert (status != 403) if allowed else (status == 403), (method, status)
    if not allowed:
        assert (Job.objects.count(), Backup.objects.count()) == (jobs, backups)
        assert Instance.objects.get().name == "untouched" and Instance.objects.get().action == Action.NONE


def test_full_access_includes_everything() -> None:
    assert MAY[Role.FULL_ACCESS] == set(Permission)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_forged_post_is_403_with_an_explanation_and_an_event(headers: dict[str, str]) -> None:
    viewer, instance = make_user(Role.READ_ONLY), make_instance()
    client = Client(headers=headers)
    client.force_login(viewer)
    answer = client.post(reverse("instances:delete", args=[instance.id]), REMOTE_ADDR="203.0.113.9")
    html = answer.content.decode()
    assert answer.status_code == 403
    assert "Your role (Read-only) does not allow this. Requires the Full access role." in html
    assert ("<html" in html) == (not headers)
    event = AuditEvent.objects.exclude(trace=SIGN_IN).get()
    assert (event.trace, event.outcome, event.user) == ("ddsDeleteInstance", Outcome.REFUSED, viewer)
    assert (event.resource_type, event.resource_id, event.address) == ("instance", instance.id, "203.0.113.9")


def test_opening_a_dialog_without_permission_is_403_without_an_event() -> None:
    client = Client()
    client.force_login(make_user(Role.READ_ONLY))
    assert client.get(reverse("instances:create")).status_code == 403
    assert not AuditEvent.objects.exclude(trace=SIGN_IN).exists()


def page(role: Role, name: str = "instances:list") -> str:
    client = Client()
    client.force_login(make_user(role))
    return client.get(reverse(name)).content.decode()


def test_the_buttons_of_a_viewer_are_disabled_and_say_why() -> None:
    instance = make_instance()
    html = page(Role.READ_ONLY)
    for url in ("instances:delete", "instances:restart", "instances:rename", "backups:create-for-instance"):
        assert reverse(url, args=[instance.id]) not in html, url
    assert reverse("instances:create") not in html
    assert "Requires one of these roles: Full access, Backup operator." in html and 'aria-disabled="true"' in html


def test_an_operator_can_create_backups_and_do_nothing_else() -> None:
    instance = make_instance()
    html = page(Role.BACKUP_OPERATOR)
    assert reverse("backups:create-for-instance", args=[instance.id]) in html
    for url in ("instances:delete", "instances:restart", "instances:rename"):
        assert reverse(url, args=[instance.id]) not in html, url
    assert reverse("backups:create") in page(Role.BACKUP_OPERATOR, "backups:list")


def test_only_full_access_sees_audit_in_the_navigation() -> None:
    assert [f'href="{reverse("audit")}"' in page(role) for role in Role] == [True, False, False]


def test_an_operator_can_submit_the_backup_dialog() -> None:
    operator, instance = make_user(Role.BACKUP_OPERATOR), make_instance()
    client = Client(headers=HTMX)
    client.force_login(operator)
    url = reverse("backups:create-for-instance", args=[instance.id])
    answer = client.post(url, {"name": "by-operator", "description": "", "request_key": "0" * 32})
    assert answer.status_code == 204 and "toast" in json.loads(answer.headers["HX-Trigger"])
    assert AuditEvent.objects.get(trace="ddsCreateBackup").user == operator


# --- manage.py user ------------------------------------------------------------------------------------


def test_the_command_creates_a_user_with_a_role_and_can_change_the_role(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("user", "ann", role="backup-operator")
    password = capsys.readouterr().out.split("Password:")[1].split()[0]
    user = User.objects.get(username="ann")
    assert user.check_password(password) and [group.name for group in user.groups.all()] == ["Backup operator"]
    call_command("user", "ann", role="read-only")
    assert [group.name for group in user.groups.all()] == ["Read-only"]
    assert [event.trace for event in AuditEvent.objects.order_by("id")] == ["consoleCreateUser", "consoleSetRole"]


def test_the_command_rejects_an_invalid_name_with_the_reason() -> None:
    with pytest.raises(CommandError, match="Use only letters"):
        call_command("user", "no spaces", role="read-only")
    assert not User.objects.exists()
