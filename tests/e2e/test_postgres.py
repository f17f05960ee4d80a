"""The whole console on PostgreSQL, which restarts in the middle of a backup."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.bulk import fill
from tests.e2e.console import Answer, Console, connect
from tests.postgres import Cluster
from tests.waiting import wait_for


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(durable=True) as running:
        yield running


def pages(console: Console, *, number: int = 32) -> list[Answer]:
    """Get a page many times, eight at a time, which is the number of the web server's connections."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: console.get("/backups/"), range(number)))


def parts(console: Console) -> set[int]:
    """Return the pids of the web server and the agent."""
    return {console.pid_of("console.processes.web_server"), console.pid_of("manage.py agent")}


def test_the_console_survives_a_restart_of_postgresql_during_a_backup(cluster: Cluster, tmp_path: Path) -> None:
    with Console(
        tmp_path / "home",
        DATABASE_URL=cluster.url,
        CONSOLE_BACKUP_BYTES_PER_SECOND="1500000",
        CONSOLE_LEASE_SECONDS="3",
    ) as console:
        instance = console.create_instance("orders")
        fill(instance["port"], megabytes=4)
        console.create_backup(instance["id"], "through-it")
        before = parts(console)
        pages(console)
        console.wait_copying("through-it")

        cluster.stop()
        # These requests take longer than the lease.
        away = pages(console, number=8)
        assert {answer.status for answer in away} == {503}
        assert all("The console database is not responding" in answer.text for answer in away)
        assert away[0].headers["retry-after"] == "5"
        ready = console.get("/readyz")
        assert ready.status == 503 and "The console database is not responding." in ready.text
        assert console.get("/healthz").status == 200
        with connect(instance["port"]) as client:
            assert client.bulk.texts.count_documents({}) == 4000
        cluster.start()

        # Every request succeeds at once: none uses a dead connection.
        assert {answer.status for answer in pages(console)} == {200}
        backup = console.wait_backup("through-it")
        assert console.archive(backup).stat().st_size == backup["size"]
        assert console.wait_available("orders")["failure"] == ""
        wait_for(lambda: console.get("/readyz").status == 200, because="readiness")
        assert parts(console) == before
        assert console.jobs.find(status=("Queued", "Running")) == []

        # Restart again while no job runs: no request uses one of the many dead idle connections.
        cluster.restart()
        assert {answer.status for answer in pages(console)} == {200}
        console.create_backup(instance["id"], "after-it")
        console.wait_backup("after-it", seconds=120)
