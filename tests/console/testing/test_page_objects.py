"""Every address of a page or dialog has an object in console.testing, and every object has such an address."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from console.testing import dialogs, pages
from tests.console.notifications.channels import make_channel
from tests.factories import make_backup, make_deployment, make_instance, make_job, make_user

pytestmark = pytest.mark.django_db
OBJECTS = {
    view: kind
    for module in (pages, dialogs)
    for kind in vars(module).values()
    if isinstance(kind, type) and kind.__module__.startswith(module.__name__)
    for view in getattr(kind, "views", ())
}


def addresses() -> Iterator[tuple[str, list[str]]]:
    """Yield the name of every address and the names of its parameters."""
    for pattern in get_resolver().url_patterns:
        namespace = getattr(pattern, "namespace", None)
        for entry in getattr(pattern, "url_patterns", [pattern]):
            if isinstance(entry, URLPattern) and entry.name:
                yield f"{namespace}:{entry.name}" if namespace else entry.name, list(entry.pattern.converters)


ADDRESSES = dict(addresses())


def shows_something(name: str, user: User) -> bool:
    """Return whether the address shows a page or a dialog."""
    backup = make_backup(make_instance())
    things: dict[str, object] = {
        "backup_id": backup.id,
        "instance_id": backup.instance_uid,
        "user_id": make_user().pk,
        "host_name": backup.host_id,
        "task_id": make_job().id,
        "channel_id": make_channel().pk,
    }
    if name in {"instances:edit-connection", "instances:test-connection"}:
        things["instance_id"] = make_deployment().pk
    path = reverse(name, kwargs={key: things.get(key, "x") for key in ADDRESSES[name]})
    client = Client()
    if name != "sign-in":
        client.force_login(user)
    answer = client.get(path)
    answer.close()
    page = answer.status_code == 200 and not answer.streaming
    return page and answer.headers["Content-Type"].startswith("text/html") and b"<h1" in answer.content


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_page_has_a_page_object(name: str, user: User) -> None:
    assert (name in OBJECTS) == shows_something(name, user) or name in {"instances:name"}


def test_every_page_object_has_an_existing_address() -> None:
    assert set(OBJECTS) <= set(ADDRESSES)
