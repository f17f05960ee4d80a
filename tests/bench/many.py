"""Fill the database of a large console: as many backups as requested, a tenth as many instances, and a job for each.

The rows look as the console writes them. The distribution of values matters: three types, one backup in ten Failed, one
in seven manual, one instance in fifty Abnormal, some names shared by many rows and some unique.
"""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from backups import history
from backups.models import BackupTally, StorageSample
from instances.models import Host

# Backups per instance.
BACKUPS_OF_ONE = 10
FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
# Number of days with backups in every quarter of an hour and a storage sample every hour.
DAYS = 14

_INSTANCES = """
INSERT INTO instances_instance (id, name, type, host_id, port, state, action, failure, created,
    engine, engine_version, storage_engine, compatible_version, last_backup_at)
WITH {n} AS (SELECT i, {id} AS id, {name} AS name FROM {rows})
SELECT id || 'in02', 'Orders-' || name,
    CASE i % 3 WHEN 0 THEN 'Sharding' WHEN 1 THEN 'ReplicaSet' ELSE 'Single' END, 'bench', i,
    CASE WHEN i % 50 = 0 THEN 'abnormal' ELSE 'normal' END, '', '', {minutes},
    'SecantusDB', '0.7.0b3', 'WiredTiger', '8.2', {seconds}
FROM n
"""
_JOBS = """
INSERT INTO instances_job (id, kind, host_id, instance_id, instance_uid, instance_name, parameters, secret, status,
    progress, detail, failure, created, started, ended, interrupted, left_behind, cancel_reason)
WITH {n} AS (SELECT i, {id} AS id, {of} AS instance, {name_of} AS name FROM {rows})
SELECT {uuid}, 'backup', 'bench', instance || 'in02', instance || 'in02', 'Orders-' || name, '{{}}', '',
    CASE WHEN i % 10 = 7 THEN 'Failed' ELSE 'Completed' END, 100, '{{}}', '',
    {seconds}, {seconds}, {ended}, {no}, {no}, ''
FROM n
"""
_BACKUPS = """
INSERT INTO backups_backup (id, name, description, type, method, status, failure, started, ended, size, sha256,
    instance_id, instance_uid, instance_name, instance_type, engine, engine_version, storage_engine,
    compatible_version, host_id, job_id, contents, locked, uses, verifying, verify_failure, damage, verification)
WITH {n} AS (SELECT i, {id} AS id, {name} AS number, {of} AS instance, {name_of} AS name FROM {rows})
SELECT id || 'br02',
    CASE WHEN i % 7 <> 0 THEN 'auto-' || number WHEN i % 2 <> 0 THEN 'Nightly' ELSE 'before-' || number END, '',
    CASE WHEN i % 7 <> 0 THEN 'Auto' ELSE 'Manual' END, 'Physical',
    CASE WHEN i % 10 = 7 THEN 'FAILED' ELSE 'COMPLETED' END, '',
    {seconds}, {ended}, ({big} * 7919) % 1000003, '',
    instance || 'in02', instance || 'in02', 'Orders-' || name,
    CASE i % {instances} % 3 WHEN 0 THEN 'Sharding' WHEN 1 THEN 'ReplicaSet' ELSE 'Single' END,
    'SecantusDB', '0.7.0b3', 'WiredTiger', '8.2', 'bench', {uuid},
    '[]', {no}, 0, {no}, '', '', '{{}}'
FROM n
"""


def fill(backups: int) -> None:
    """Create the tables, the host, a user and the rows; the newest backup has i = backups - 1."""
    call_command("migrate", verbosity=0)
    Host.objects.create(name="bench")
    User.objects.create_superuser("bench")
    instances, now = max(backups // BACKUPS_OF_ONE, 1), timezone.now().replace(microsecond=0)
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for quick in ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-500000") if sqlite else ():
            cursor.execute(quick)
        for statement, count in ((_INSTANCES, instances), (_JOBS, backups), (_BACKUPS, backups)):
            # The last row began a second ago.
            begin = now - timedelta(seconds=count)
            words = _sqlite(count, instances, begin) if sqlite else _postgresql(count, instances, begin)
            cursor.execute(statement.format(**words, instances=instances))
        _history(backups, now)
        cursor.execute("PRAGMA synchronous=FULL" if sqlite else "ANALYZE")


def _history(backups: int, now: datetime) -> None:
    """Write a history that is as long in a small console as in a large one."""
    quarters, hours = range(DAYS * 96), range(DAYS * 24)
    BackupTally.objects.bulk_create(
        BackupTally(
            quarter=history.quarter(now) - timedelta(minutes=15 * back),
            completed=backups * 9 // len(quarters) // 10,
            failed=backups // len(quarters) // 10,
        )
        for back in quarters
    )
    StorageSample.objects.bulk_create(
        StorageSample(
            host_id="bench",
            hour=history.hour(now) - timedelta(hours=back),
            taken=now - timedelta(hours=back),
            archives=(1000 - back) * 10**9,
            data=(1000 - back) * 10**8,
        )
        for back in hours
    )


def _sqlite(count: int, instances: int, begin: datetime) -> dict[str, str]:
    def moment(start: datetime, unit: str, later: str = "i") -> str:
        return f"strftime('%Y-%m-%d %H:%M:%f000', '{start:%Y-%m-%d %H:%M:%S}', ({later}) || ' {unit}')"

    return {
        "n": f"RECURSIVE c(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM c WHERE i + 1 < {count}), n",
        "rows": "c",
        "id": "printf('%032x', i)",
        "uuid": "id",
        "name": "printf('%06d', i)",
        "of": f"printf('%032x', i % {instances})",
        "name_of": f"printf('%06d', i % {instances})",
        "minutes": moment(FIRST_DAY, "minutes"),
        "seconds": moment(begin, "seconds"),
        "ended": moment(begin, "seconds", "i + 5"),
        "no": "0",
        "big": "i",
    }


def _postgresql(count: int, instances: int, begin: datetime) -> dict[str, str]:
    def moment(start: datetime, unit: str, later: str = "i") -> str:
        return f"TIMESTAMPTZ '{start.isoformat()}' + ({later}) * INTERVAL '1 {unit}'"

    return {
        "n": "n",
        "rows": f"generate_series(0, {count - 1}) AS c(i)",
        "id": "lpad(to_hex(i), 32, '0')",
        "uuid": "id::uuid",
        "name": "lpad(i::text, 6, '0')",
        "of": f"lpad(to_hex(i % {instances}), 32, '0')",
        "name_of": f"lpad((i % {instances})::text, 6, '0')",
        "minutes": moment(FIRST_DAY, "minute"),
        "seconds": moment(begin, "second"),
        "ended": moment(begin, "second", "i + 5"),
        "no": "FALSE",
        "big": "i::bigint",
    }
