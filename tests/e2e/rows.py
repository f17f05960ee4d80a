"""A row of every kind in the console's own database, for tests of how pages look and behave.

Tests call `make`, which runs `rows` in a separate process, because no test with a browser uses the ORM.
"""

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from backups.models import Backup, Restoration
from console.accounts.roles import Role
from console.audit.audited import Resource, record
from console.audit.choices import Outcome
from console.notifications.choices import EventKind
from console.notifications.models import Channel, Delivery, Event
from console.text.messages import Message
from instances.models import Host, Instance, Job, JobRecord
from tests import factories
from tests.e2e.console import ROOT, Console

REAL = "rows-real"
LONG = "The disk of the host is full: 12 bytes are free, and the archive takes at least 20 times as many as that."
MARK = "ROWS "


def make(console: Console) -> dict[str, str]:
    """Create the rows, with restorations for an instance named REAL if it exists; return the ids that tests open."""
    code = f"import json; from tests.e2e import rows; print({MARK!r} + json.dumps(rows.rows()))"
    line = next(line for line in run(console, code).splitlines() if line.startswith(MARK))
    found: dict[str, str] = json.loads(line.removeprefix(MARK))
    return found


def run(console: Console, code: str) -> str:
    """Run Python code in the console's Django and return its output."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=console.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows() -> dict[str, str]:
    """Create the rows on a host that looks online but has no agent, so no job changes them."""
    idle = instance("rows-idle", type="Single")
    busy = instance("rows-busy", type="Sharding", action="BACKUP")
    abnormal = instance("rows-abnormal", state="abnormal", failure=LONG)
    instance("rows-createfail", state="createfail", port=None, engine="", engine_version="", failure=LONG)
    instance("rows-going", action="DELETE_INSTANCE")
    gone = instance("rows-gone")
    existing = deployment("rows-deployment")
    made = {
        "building": backup("rows-building", busy, status="BUILDING", job=running("backup", busy)),
        "failed": backup("rows-failed", idle, status="FAILED", failure=LONG, description="Before " + "very " * 40),
        "locked": backup(
            "rows-locked",
            idle,
            locked=True,
            verified_at=timezone.now(),
            verification={"documents": 9, "collections": 3},
        ),
        "automated": backup(
            "rows-automated", idle, type="Auto", expires=timezone.now() + timedelta(days=3), verify_failure=LONG
        ),
        "verifying": backup("rows-verifying", idle, verifying=True, uses=1, verify_job=running("verify", idle)),
        "deleting": backup("rows-deleting", idle, status="DISABLED"),
        "orphan": backup("rows-of-a-deleted-instance", gone),
        "imported": backup("rows-imported", gone, imported=timezone.now(), instance_name="rows-elsewhere"),
    }
    for number in range(12):
        backup(f"rows-many-{number:02}", idle, size=10**number)
    failed = jobs(idle, abnormal, gone)
    gone.delete()
    restorations(Instance.objects.filter(name=REAL).first() or idle, idle, made["locked"])
    events(made["automated"], idle)
    Host.objects.filter(name="elsewhere").update(seen=timezone.now())
    channel = deliveries()
    ids = {name: each.id for name, each in made.items()}
    reader = factories.make_user(Role.READ_ONLY, username="rows-reader")
    return {
        **ids,
        "reader": str(reader.pk),
        "host": "elsewhere",
        "channel": channel.pk,
        "idle": idle.id,
        "busy": busy.id,
        "abnormal": abnormal.id,
        "deployment": existing.id,
        "task": str(failed.id),
        "gone": made["orphan"].instance_uid,
    }


def instance(name: str, **fields: Any) -> Instance:
    return factories.make_instance(name=name, host=factories.make_host("elsewhere"), **fields)


def deployment(name: str, **fields: Any) -> Instance:
    """Create an existing deployment whose certificates are not verified, with a finding of each tone."""
    findings = [{"tone": tone, "message": LONG} for tone in ("ok", "warn", "bad")]
    place = instance(name, engine_kind="deployment", port=None, engine="MongoDB", engine_version="8.0.4", **fields)
    return factories.make_deployment(place, tls=True, verify=False, findings=findings).instance


def backup(name: str, of: Instance, **fields: Any) -> Backup:
    return factories.make_backup(of, name=name, **fields)


def job(kind: str, about: Instance, **fields: Any) -> Job:
    return factories.make_job(kind=kind, instance=about, **{**requested(), **fields})


def running(kind: str, about: Instance | None) -> Job:
    return factories.make_running_job(kind=kind, instance=about, **requested())


def requested() -> dict[str, Any]:
    return {"host": factories.make_host("elsewhere"), "requested_by": User.objects.get(username="admin")}


def jobs(idle: Instance, abnormal: Instance, gone: Instance) -> Job:
    """Create ended and queued jobs; return a failed one with a record, which can be retried."""
    # Long enough ago that the console no longer notifies anyone.
    ended = {"started": timezone.now() - timedelta(hours=1), "ended": timezone.now() - timedelta(hours=1)}
    job("restart-instance", abnormal, status="Queued")
    job("create-instance", idle, status="Completed", **ended)
    job("delete-backup", idle, status="Failed", failure=LONG, **ended)
    job("restore-new", gone, status="Failed", failure=LONG, interrupted=True, requested_by=None, **ended)
    job("backup", idle, status="Cancelled", failure="cancelled by admin", **ended)
    failed = job("restart-instance", idle, status="Failed", failure=LONG, **ended)
    at = failed.created.timestamp() - 3600
    log = "\n".join(f"2026-03-01 12:00:00 WARNING Job {failed.id}: {LONG}" for _ in range(12))
    JobRecord.objects.create(job=failed, steps=[["stop", at - 9], ["start", at - 2]], log=log)
    return failed


def restorations(source: Instance, other: Instance, of: Backup) -> None:
    facts = {"backup_uid": of.id, "backup_name": of.name, "source_uid": source.id, "source_name": source.name}
    there = {"backup": of, "target": other, "target_uid": other.id, "target_name": other.name}
    here = {"backup": of, "target": source, "target_uid": source.id, "target_name": source.name}
    gone = {"target_uid": "0" * 32 + "in02", "target_name": "rows-gone"}
    now = timezone.now()
    Restoration.objects.create(way="new", status="COMPLETED", ended=now, **facts, **there)
    Restoration.objects.create(way="original", status="RUNNING", job=running("restore-original", None), **facts, **here)
    Restoration.objects.create(way="new", status="FAILED", failure=LONG, ended=now, **facts, **gone)


def deliveries() -> Channel:
    """Create a channel that is off, with a delivery of each status, and what happened."""
    channel = Channel(name="rows-channel", events=EventKind.values, enabled=False)
    channel.url = "json://127.0.0.1:9/"
    channel.save(force_insert=True)
    message = Message("event.backup_failed", backup="rows-failed", instance="rows-idle", reason=LONG)
    for status in ("delivered", "given_up", "waiting"):
        event = Event.objects.create(kind=EventKind.BACKUP_FAILED, message=message, path="/backups/")
        failure = "" if status == "delivered" else LONG
        # Far from due, so that no agent tries it.
        due = timezone.now() + timedelta(minutes=50) if status == "waiting" else None
        ended = None if due else timezone.now()
        row = {"status": status, "attempts": 2, "failure": failure, "due": due, "ended": ended}
        Delivery.objects.create(channel=channel, event=event, **row)
    return channel


def events(of: Backup, other: Instance) -> None:
    admin = User.objects.get(username="admin")
    about = Resource("instance", other.id, other.name)
    record(
        "ddsDeleteBackup", user=admin, resource=Resource("backup", of.id, of.name), outcome=Outcome.REFUSED, reason=LONG
    )
    record("ddsCreateInstance", user=None, resource=about, outcome=Outcome.FAILED, reason="OSError")
    for _ in range(60):
        record("ddsRenameInstance", user=admin, resource=about)
