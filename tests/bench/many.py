"""The console database of a large console: as many backups as asked for, a tenth as many instances, and a job each.

Rows as the console writes them. What matters is how values are spread: three types, one backup in ten Failed, one in
seven manual, one instance in fifty Abnormal, names that many share and names of their own.
"""

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from instances.models import Host

# One instance for every so many backups.
BACKUPS_OF_ONE = 10
FIRST_DAY = "2025-01-01"

_INSTANCES = """
INSERT INTO instances_instance (id, name, type, host_id, port, state, action, failure, created,
    engine, engine_version, storage_engine, compatible_version)
WITH {n} AS (SELECT i, {id} AS id, {name} AS name FROM {rows})
SELECT id || 'in02', 'Orders-' || name,
    CASE i % 3 WHEN 0 THEN 'Sharding' WHEN 1 THEN 'ReplicaSet' ELSE 'Single' END, 'bench', i,
    CASE WHEN i % 50 = 0 THEN 'abnormal' ELSE 'normal' END, '', '', {minutes},
    'nx-27017', '0.8.1', 'SQLite', '7.0'
FROM n
"""
_JOBS = """
INSERT INTO instances_job (id, kind, host_id, instance_id, instance_uid, instance_name, parameters, status, progress,
    detail, failure, created, started, ended, interrupted, left_behind, cancel_reason)
WITH {n} AS (SELECT i, {id} AS id, {of} AS instance, {name_of} AS name FROM {rows})
SELECT {uuid}, 'backup', 'bench', instance || 'in02', instance || 'in02', 'Orders-' || name, '{{}}',
    CASE WHEN i % 10 = 7 THEN 'Failed' ELSE 'Completed' END, 100, '{{}}', '',
    {seconds}, {seconds}, {ended}, {no}, {no}, ''
FROM n
"""
_BACKUPS = """
INSERT INTO backups_backup (id, name, description, type, method, status, failure, started, ended, size, sha256,
    instance_id, instance_uid, instance_name, instance_type, engine, engine_version, storage_engine, host_id, job_id,
    contents, locked, uses, verifying, verify_failure, verification)
WITH {n} AS (SELECT i, {id} AS id, {name} AS number, {of} AS instance, {name_of} AS name FROM {rows})
SELECT id || 'br02',
    CASE WHEN i % 7 <> 0 THEN 'auto-' || number WHEN i % 2 <> 0 THEN 'Nightly' ELSE 'before-' || number END, '',
    CASE WHEN i % 7 <> 0 THEN 'Auto' ELSE 'Manual' END, 'Physical',
    CASE WHEN i % 10 = 7 THEN 'FAILED' ELSE 'COMPLETED' END, '',
    {seconds}, {ended}, ({big} * 7919) % 1000003, '',
    instance || 'in02', instance || 'in02', 'Orders-' || name,
    CASE i % {instances} % 3 WHEN 0 THEN 'Sharding' WHEN 1 THEN 'ReplicaSet' ELSE 'Single' END,
    'nx-27017', '0.8.1', 'SQLite', 'bench', {uuid},
    '[]', {no}, 0, {no}, '', '{{}}'
FROM n
"""


def fill(backups: int) -> None:
    """Make the tables, the host, a user, and the rows: the newest backup is i = backups - 1."""
    call_command("migrate", verbosity=0)
    Host.objects.create(name="bench")
    User.objects.create_superuser("bench")
    instances = max(backups // BACKUPS_OF_ONE, 1)
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for quick in ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-500000") if sqlite else ():
            cursor.execute(quick)
        for statement, count in ((_INSTANCES, instances), (_JOBS, backups), (_BACKUPS, backups)):
            words = _sqlite(count, instances) if sqlite else _postgresql(count, instances)
            cursor.execute(statement.format(**words, instances=instances))
        cursor.execute("PRAGMA synchronous=FULL" if sqlite else "ANALYZE")


def _sqlite(count: int, instances: int) -> dict[str, str]:
    def moment(unit: str, later: str = "i") -> str:
        return f"strftime('%Y-%m-%d %H:%M:%f000', '{FIRST_DAY}', ({later}) || ' {unit}')"

    return {
        "n": f"RECURSIVE c(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM c WHERE i + 1 < {count}), n",
        "rows": "c",
        "id": "printf('%032x', i)",
        "uuid": "id",
        "name": "printf('%06d', i)",
        "of": f"printf('%032x', i % {instances})",
        "name_of": f"printf('%06d', i % {instances})",
        "minutes": moment("minutes"),
        "seconds": moment("seconds"),
        "ended": moment("seconds", "i + 5"),
        "no": "0",
        "big": "i",
    }


def _postgresql(count: int, instances: int) -> dict[str, str]:
    def moment(unit: str, later: str = "i") -> str:
        return f"TIMESTAMPTZ '{FIRST_DAY} 00:00:00+00' + ({later}) * INTERVAL '1 {unit}'"

    return {
        "n": "n",
        "rows": f"generate_series(0, {count - 1}) AS c(i)",
        "id": "lpad(to_hex(i), 32, '0')",
        "uuid": "id::uuid",
        "name": "lpad(i::text, 6, '0')",
        "of": f"lpad(to_hex(i % {instances}), 32, '0')",
        "name_of": f"lpad((i % {instances})::text, 6, '0')",
        "minutes": moment("minute"),
        "seconds": moment("second"),
        "ended": moment("second", "i + 5"),
        "no": "FALSE",
        "big": "i::bigint",
    }
