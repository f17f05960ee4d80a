"""manage.py rotate-credentials: everything is sealed with a new key, while web and agents go on."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from console import rotation
from console.notifications.models import Channel
from console.processes import home as homes
from console.processes import locks, secrets
from instances.choices import JobKind
from instances.models import Deployment, Job
from instances.queue.job import secret_of
from instances.queue.requests import enqueue
from tests.console.notifications.channels import make_channel
from tests.factories import NEW_PASSWORD, make_deployment, make_instance, make_job

pytestmark = pytest.mark.django_db
URL = "json://user:opensesame@127.0.0.1:9/hook"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.CONSOLE_HOME = tmp_path / "home"
    settings.CONSOLE_CREDENTIAL_KEYS = []
    monkeypatch.setattr(rotation, "SETTLE_SECONDS", 0.0)
    return tmp_path / "home"


@pytest.fixture
def stored() -> tuple[Deployment, Job, Channel]:
    """Return rows with everything that is stored sealed."""
    deployment = make_deployment(password="opensesame")
    deployment.seal_certificate("a key in PEM")
    deployment.save()
    instance = make_instance()
    job = enqueue(JobKind.RESET_PASSWORD, host=instance.host, instance=instance, requested_by=None, secret=NEW_PASSWORD)
    return deployment, job, make_channel(URL)


def assert_readable(stored: tuple[Deployment, Job, Channel]) -> None:
    deployment, job, channel = stored
    access = Deployment.objects.get(pk=deployment.pk).access()
    assert (access.password, access.certificate) == ("opensesame", "a key in PEM")
    assert secret_of(Job.objects.get(pk=job.pk)) == NEW_PASSWORD
    assert Channel.objects.get(pk=channel.pk).url == URL


def rotate(*options: str) -> str:
    out = io.StringIO()
    call_command("rotate-credentials", *options, stdout=out, stderr=out)
    return out.getvalue()


def test_everything_is_sealed_with_a_new_key_and_the_old_one_is_dropped(
    home: Path, stored: tuple[Deployment, Job, Channel]
) -> None:
    [old] = homes.credential_keys(home)
    assert "The old one is dropped" in rotate()
    [new] = homes.credential_keys(home)
    assert new != old and (home / "credentials.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.glob("*credentials*")] == ["credentials.key"]
    assert_readable(stored)


def test_a_job_that_an_agent_has_read_already_still_finds_its_password(
    stored: tuple[Deployment, Job, Channel],
) -> None:
    claimed = Job.objects.get(pk=stored[1].pk)
    rotate()
    assert secret_of(claimed) == NEW_PASSWORD


def test_jobs_that_ended_are_left_alone(stored: tuple[Deployment, Job, Channel]) -> None:
    ended = make_job(status="Completed")
    rotate()
    ended.refresh_from_db()
    assert ended.secret == ""


def test_the_old_key_is_kept_while_a_process_seals_with_it_unless_told_otherwise(
    home: Path, stored: tuple[Deployment, Job, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = homes.credential_keys(home)

    def seal_with_old_key(seconds: float) -> None:
        token = Fernet(old).encrypt(b'["%s", "%s"]' % (stored[2].pk.encode(), URL.encode())).decode()
        Channel.objects.update(sealed_url=token)

    monkeypatch.setattr("time.sleep", seal_with_old_key)
    assert "run this command again" in rotate()
    assert homes.credential_keys(home)[1:] == [old]
    assert_readable(stored)
    assert "dropped" in rotate("--drop-old")
    assert len(homes.credential_keys(home)) == 1


def test_a_rotation_that_was_killed_can_be_repeated(
    home: Path, stored: tuple[Deployment, Job, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rotation, "_seal_anew", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    assert len(homes.credential_keys(home)) == 2
    assert_readable(stored)
    rotate()
    assert len(homes.credential_keys(home)) == 1
    assert_readable(stored)


def test_what_a_lost_key_has_sealed_is_named_and_the_rest_is_sealed_anew(
    home: Path, stored: tuple[Deployment, Job, Channel]
) -> None:
    homes.write_credential_keys(home, [homes.new_credential_key()])
    other = make_channel(URL, name="new-channel")
    said = rotate()
    assert "channel on-call" in said and f"deployment {stored[0].address}" in said and "new-channel" not in said
    assert "opensesame" not in said and len(homes.credential_keys(home)) == 1
    assert Channel.objects.get(pk=other.pk).url == URL


def test_keys_in_the_environment_are_for_their_owner_to_change(
    settings: Settings, stored: tuple[Deployment, Job, Channel]
) -> None:
    settings.CONSOLE_CREDENTIAL_KEYS = homes.credential_keys(settings.CONSOLE_HOME)
    with pytest.raises(CommandError, match="CONSOLE_CREDENTIAL_KEYS=NEW,OLD"):
        rotate()
    new = homes.new_credential_key()
    settings.CONSOLE_CREDENTIAL_KEYS = [new, *settings.CONSOLE_CREDENTIAL_KEYS]
    assert "Remove the others" in rotate()
    settings.CONSOLE_CREDENTIAL_KEYS = [new]
    assert_readable(stored)


def test_two_rotations_at_once_are_refused(home: Path, stored: tuple[Deployment, Job, Channel]) -> None:
    with locks.acquire(home / "rotation.lock") or pytest.fail("no lock"), pytest.raises(CommandError, match="already"):
        rotate()


@pytest.mark.django_db(transaction=True)
def test_no_row_stays_locked_while_another_one_is_sealed(stored: tuple[Deployment, Job, Channel]) -> None:
    """Whatever the order in which services and jobs lock rows, they and the rotation never wait for each other."""
    locking = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith("UPDATE"):
            locking.append(connection.in_atomic_block)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        rotate()
    assert locking == [False] * 4


def test_a_text_is_sealed_anew_only_if_another_key_sealed_it(home: Path) -> None:
    token = secrets.seal("text", purpose="it")
    assert secrets.resealed(token) == token
    homes.write_credential_keys(home, [homes.new_credential_key(), *homes.credential_keys(home)])
    fresh = secrets.resealed(token)
    assert fresh != token and secrets.unseal(fresh, purpose="it") == "text"
    with pytest.raises(secrets.CannotUnseal):
        secrets.resealed("no token")
