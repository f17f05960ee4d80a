"""Lists refresh themselves less often while the process that answers has much to do."""

import time

import pytest
from django.test import Client

from console import busy
from instances.choices import Action
from tests.factories import make_instance

REFRESH_SECONDS = busy.refresh_seconds  # as it is; in tests it is mostly patched


def share_of(monkeypatch: pytest.MonkeyPatch, *, seconds: float, computed: float) -> busy.Busy:
    """A process that has computed for so long of the seconds since it was last looked at."""
    measured = busy.Busy()
    now, cpu = time.monotonic() + seconds, time.process_time() + computed
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "process_time", lambda: cpu)
    return measured


@pytest.mark.parametrize(("computed", "every"), [(0.5, 1), (4, 1), (6, 2), (9, 3)])
def test_the_busier_the_rarer(monkeypatch: pytest.MonkeyPatch, computed: float, every: int) -> None:
    monkeypatch.setattr(busy, "_process", share_of(monkeypatch, seconds=10, computed=computed))
    assert REFRESH_SECONDS() == every


def test_a_moment_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert share_of(monkeypatch, seconds=1, computed=1).share == 0


@pytest.mark.django_db
def test_a_list_tells_browsers_and_is_the_same_version(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_instance(action=Action.BACKUP)
    versions = set()
    for seconds in (1, 3):
        monkeypatch.setattr(busy, "refresh_seconds", lambda: seconds)  # noqa: B023  # it is asked before the next
        text = plain.get("/instances/").text
        assert f'hx-trigger="every {seconds}s"' in text
        versions.add(text.split('data-version="')[1].split('"')[0])
    assert len(versions) == 1
