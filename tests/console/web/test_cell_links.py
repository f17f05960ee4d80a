"""A cell links to the object that it names while the object exists; ids and addresses can be copied everywhere."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.models import Restoration
from backups.services.restore import restore_to_new_instance
from console.audit.audited import Resource, record
from instances.models import Instance
from tests.factories import make_backup, make_instance, make_job

AUDIT, BACKUPS, TASKS = reverse("audit"), reverse("backups:list"), reverse("instances:tasks")


def leads_to(client: Client, page: str, text: str) -> str:
    """Return the URL of the link with this text; empty if the text is not a link."""
    found = re.search(rf'<a [^>]*?href="([^"]+)"[^>]*>\s*{re.escape(text)}\s*</a>', client.get(page).text)
    return found.group(1) if found else ""


def copied(client: Client, page: str) -> set[str]:
    return set(re.findall(r'data-copy="([^"]+)"', client.get(page).text))


def test_a_backup_row_links_to_its_backup_and_its_instance(plain: Client) -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly")
    assert leads_to(plain, BACKUPS, "nightly") == backup.get_absolute_url()
    assert leads_to(plain, BACKUPS, "orders") == f"/instances/{backup.instance_uid}/"
    Instance.objects.all().delete()
    assert leads_to(plain, BACKUPS, "orders") == ""


def test_a_task_links_to_its_instance_and_its_backup(plain: Client) -> None:
    instance = make_instance(name="orders")
    backup = make_backup(instance, name="nightly")
    make_job(instance=instance, parameters={"backup": backup.id})
    assert leads_to(plain, TASKS, "orders") == instance.get_absolute_url()
    assert leads_to(plain, TASKS, "nightly") == backup.get_absolute_url()


def test_a_restoration_links_to_its_backup_and_its_target(plain: Client, user: User) -> None:
    source = make_instance(name="orders")
    backup = make_backup(source, name="nightly")
    restore_to_new_instance(backup=backup, name="orders-copy", requested_by=user)
    target = Instance.objects.get(name="orders-copy")
    # The page of the target shows the restoration, not the backup's own row.
    page = reverse("backups:instance", args=[target.id])
    assert leads_to(plain, page, "nightly") == backup.get_absolute_url()
    assert leads_to(plain, reverse("backups:instance", args=[source.id]), "orders-copy") == target.get_absolute_url()
    Restoration.objects.update(backup=None)
    assert leads_to(plain, page, "nightly") == ""


def test_an_event_links_to_its_resource_while_the_resource_exists(plain: Client, user: User) -> None:
    instance = make_instance(name="orders")
    backup = make_backup(instance, name="nightly")
    for kind, row in (("instance", instance), ("backup", backup), ("user", user)):
        record("x", user=user, resource=Resource(kind, str(row.pk), str(row)))
    assert leads_to(plain, AUDIT, "orders") == instance.get_absolute_url()
    assert leads_to(plain, AUDIT, "nightly") == backup.get_absolute_url()
    assert leads_to(plain, AUDIT, user.username) == ""
    backup.delete()
    assert leads_to(plain, AUDIT, "nightly") == ""


@pytest.mark.parametrize("events", [1, 50])
def test_the_audit_needs_one_query_for_the_links_of_each_kind(
    plain: Client, user: User, events: int, django_assert_num_queries: Any
) -> None:
    for _ in range(events):
        backup = make_backup()
        record("x", user=user, resource=Resource("backup", backup.id, backup.name))
        record("x", user=user, resource=Resource("instance", backup.instance_uid, backup.instance_name))
    # The page takes five queries without links, and one more for each of the two kinds.
    with django_assert_num_queries(6 + 2):
        plain.get(AUDIT)


def test_ids_and_addresses_can_be_copied_everywhere(plain: Client, user: User) -> None:
    connection_string = "mongodb://rwuser@127.0.0.1:8635/?authSource=admin&amp;replicaSet=rs0"
    instance = make_instance(port=8635)
    backup = make_backup(instance)
    job = make_job(instance=instance)
    record("x", user=user, resource=Resource("backup", backup.id, backup.name))
    own = reverse("backups:instance", args=[instance.id])
    connection_string = "mongodb://rwuser@127.0.0.1:8635/?authSource=admin&amp;replicaSet=rs0"
    restore_to_new_instance(backup=backup, name="orders-copy", requested_by=user)
    target = Instance.objects.get(name="orders-copy")
    for page, expected in {
        reverse("instances:list"): {instance.id, "127.0.0.1:8635"},
        instance.get_absolute_url(): {instance.id, "127.0.0.1:8635"},
        reverse("instances:detail", args=[instance.id]): {instance.id, "127.0.0.1:8635", connection_string},
        BACKUPS: {backup.id, instance.id},
        own: {backup.id, target.id},
        backup.get_absolute_url(): {backup.id, instance.id},
        TASKS: {str(job.id), instance.id},
        AUDIT: {backup.id},
    }.items():
        assert expected <= copied(plain, page), page


def test_the_source_addresses_of_sessions_and_events_can_be_copied(client: Client, user: User) -> None:
    client.post(reverse("sign-in"), {"username": user.username, "password": "correct horse"})
    for page in (reverse("sessions"), AUDIT):
        assert "127.0.0.1" in copied(client, page), page
