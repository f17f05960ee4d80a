"""The guided start of an empty console: its steps, whom it is for, and when it goes."""

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backups.choices import BackupStatus, RestorationStatus, RestorationWay
from backups.models import Restoration
from console.accounts.roles import Role
from console.overview.start import MOST_INSTANCES, Start
from instances.choices import State
from tests.conftest import HTMX
from tests.factories import make_backup, make_host, make_instance, make_user

pytestmark = pytest.mark.django_db
HOME, PUT_AWAY = reverse("home"), reverse("start-put-away")
TITLE = "Try a backup and a restore"


def start_of(client: Client) -> Start | None:
    answer = client.get(HOME)
    start: Start | None = answer.context["start"]
    assert (TITLE in answer.text) == (start is not None)
    return start


def test_each_step_is_done_when_its_rows_are_there(plain: Client) -> None:
    make_host()
    assert (start := start_of(plain)) and start.current == "created" and start.instance is None
    instance = make_instance(state=State.CREATING)
    assert (start := start_of(plain)) and start.current == "created" and start.instance == instance
    instance.state = State.AVAILABLE
    instance.save()
    assert (start := start_of(plain)) and start.current == "backed_up"
    backup = make_backup(instance, status=BackupStatus.BUILDING)
    assert (start := start_of(plain)) and start.current == "watched"
    backup.delete()
    backup = make_backup(instance)
    assert (start := start_of(plain)) and start.current == "restored"
    fields = {"backup_uid": backup.id, "backup_name": "b", "source_uid": "s", "source_name": "s"}
    target = {"target_uid": "t", "target_name": "t", "way": RestorationWay.NEW}
    Restoration.objects.create(**fields, **target, status=RestorationStatus.COMPLETED)
    assert start_of(plain) is None


def test_without_any_host_nothing_is_done_yet(plain: Client) -> None:
    assert (start := start_of(plain)) and start.current == "created"


def test_each_step_offers_the_dialog_or_the_page_that_does_it(plain: Client) -> None:
    assert f"{reverse('instances:create')}?demo=1" in plain.get(HOME).text
    instance = make_instance()
    assert 'id="start-backup"' in plain.get(HOME).text
    make_backup(instance, status=BackupStatus.BUILDING)
    assert f'href="{instance.get_absolute_url()}">Watch the backup' in plain.get(HOME).text
    make_backup(instance)
    assert reverse("backups:choose", args=[instance.id]) in plain.get(HOME).text


def test_a_console_with_several_instances_is_past_its_start(plain: Client) -> None:
    for _ in range(MOST_INSTANCES + 1):
        make_instance()
    assert start_of(plain) is None


@pytest.mark.parametrize("role", [Role.READ_ONLY, Role.BACKUP_OPERATOR])
def test_it_is_for_those_who_may_create_instances(client: Client, role: Role) -> None:
    client.force_login(make_user(role))
    assert start_of(client) is None


def test_it_can_be_put_away_for_good_in_this_browser(plain: Client) -> None:
    assert f'action="{PUT_AWAY}"' in plain.get(HOME).text
    answer = plain.post(PUT_AWAY)
    assert answer.headers["Location"] == HOME and answer.cookies[settings.START_COOKIE_NAME]["httponly"]
    assert start_of(plain) is None and "Create the first DB instance" in plain.get(HOME).text


def test_the_part_that_viewers_share_has_no_token(plain: Client) -> None:
    assert "csrfmiddlewaretoken" not in plain.get(HOME, headers=HTMX).text


def test_putting_it_away_takes_a_post_of_a_user(plain: Client, client: Client) -> None:
    assert plain.get(PUT_AWAY).status_code == 405
    assert client.post(PUT_AWAY).status_code == 302 and not client.cookies


def test_it_costs_two_queries_and_a_large_console_none(plain: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            plain.get(HOME)
        return len(captured)

    make_instance()
    shown = queries()
    for _ in range(MOST_INSTANCES):
        make_instance()
    assert shown - queries() == 2
