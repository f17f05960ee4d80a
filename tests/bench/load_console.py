"""The Django side of `load`, in separate processes: make the large console, and keep its fifty backups running.

    python -m tests.bench.load_console prepare --rows N --people N --running N
    python -m tests.bench.load_console work

`prepare` prints, as JSON, a session cookie for each person and the addresses that they may visit. `work` reports the
progress of the running backups as an agent does, until it is stopped.
"""

import argparse
import itertools
import json
import sys
import time
from typing import Any

import django

HOST = "bench"
# An agent reports a job's progress at most this often.
REPORT_SECONDS = 0.5


def prepare(backups: int, people: int, running: int) -> dict[str, Any]:
    from django.conf import settings
    from django.core.management import call_command

    from console.processes import home
    from instances.models import Instance
    from tests.bench.many import fill

    home.prepare(settings.CONSOLE_HOME)
    fill(backups)
    call_command("collectstatic", interactive=False, verbosity=0)
    instances = list(Instance.objects.available()[:running])
    _begin(instances)
    return {
        "cookie": settings.SESSION_COOKIE_NAME,
        "sessions": _sign_in(people),
        "addresses": _addresses(backups, [instance.id for instance in instances]),
    }


def _begin(instances: list[Any]) -> None:
    """Start and claim a backup of each instance as usual, but with a lease that covers the whole measurement."""
    from django.utils import timezone

    from backups.services.create import create_backup
    from instances.models import Host, Job
    from instances.queue import leases as jobs

    now = timezone.now()
    Host.objects.filter(name=HOST).update(seen=now)
    for number, instance in enumerate(instances):
        create_backup(instance=instance, name=f"running-{number:02}", requested_by=None)
        assert jobs.claim(HOST, timezone.now())
    Job.objects.running().update(lease_until=None)


def _sign_in(people: int) -> list[str]:
    """Return the session keys of that many users, with the roles evenly distributed."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import Group, User

    from console.accounts.roles import Role

    engine = import_module(settings.SESSION_ENGINE)
    roles = itertools.cycle(Group.objects.get(name=role.value) for role in Role)
    keys = []
    for number in range(people):
        user = User(username=f"person-{number:03}")
        user.set_unusable_password()
        user.save()
        user.groups.add(next(roles))
        session = engine.SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "console.accounts.preferences.PreferencesBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        keys.append(session.session_key)
    return keys


def _addresses(backups: int, running: list[str]) -> list[tuple[int, list[str]]]:
    """Return the addresses that people visit, as groups of a weight and the addresses of one kind."""
    instances = max(backups // 10, 1)
    quiet = [f"{i:032x}in02" for i in range(1, instances, max(instances // 40, 1))]
    ended = [f"{i:032x}br02" for i in range(0, backups, max(backups // 40, 1))]
    return [
        (28, ["/backups/"]),
        (22, ["/instances/"]),
        (18, [f"/instances/{id}/backups/" for id in running]),
        (8, [f"/instances/{id}/backups/" for id in quiet]),
        (6, [f"/instances/{id}/" for id in (*running, *quiet)]),
        (8, [f"/backups/{id}/" for id in ended]),
        (6, ["/tasks/", "/tasks/?status=Failed"]),
        (4, ["/backups/?status=FAILED", "/backups/?type=Single", "/backups/?sort=-size", "/backups/?before=end"]),
    ]


def work() -> None:
    """Report the progress of every running job twice a second, in turn, until the process is stopped."""
    from instances.choices import Step
    from instances.models import Job
    from instances.queue.pace import Amount
    from instances.queue.work import Work

    works = [Work(job, None) for job in Job.objects.running()]  # type: ignore[arg-type]  # starts no server
    for beat in itertools.count():
        begun = time.monotonic()
        for number, each in enumerate(works):
            done = (beat * 7 + number * 13) % 990
            each.report(done / 10, Amount(Step.COPY, done * 100_000, 99_000_000))
        time.sleep(max(0.0, REPORT_SECONDS + 0.01 - (time.monotonic() - begun)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load_console")
    parser.add_argument("what", choices=("prepare", "work"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--running", type=int, default=50)
    options = parser.parse_args()
    django.setup()
    if options.what == "work":
        work()
    else:
        json.dump(prepare(options.rows, options.people, options.running), sys.stdout)


if __name__ == "__main__":
    main()
