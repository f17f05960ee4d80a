"""What `up` does before it starts its processes."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from console.management.commands.up import Command
from console.processes import locks
from instances.models import Host
from tests.factories import make_host

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def lock(settings: Settings, tmp_path: Path) -> Path:
    """The lock file of an agent that ended twelve seconds ago, without a word."""
    settings.CONSOLE_HOME = tmp_path
    make_host("local", agent="killed", seen=timezone.now() - timedelta(seconds=12))
    path = locks.of_agent(tmp_path, "local")
    with locks.acquire(path) or pytest.fail("the lock is taken") as held:
        locks.write(held, "killed")
    return path


def test_the_host_of_a_killed_agent_does_not_go_offline_while_the_next_one_starts() -> None:
    Command().expect_agent("local")
    assert Host.objects.get().seen is None


def test_a_host_with_an_agent_keeps_its_last_heartbeat(lock: Path) -> None:
    seen = Host.objects.get().seen
    with locks.acquire(lock) or pytest.fail("the lock is taken"):
        Command().expect_agent("local")
    assert Host.objects.get().seen == seen
