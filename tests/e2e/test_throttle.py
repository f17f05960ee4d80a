"""A backup at a limited rate makes progress and can be cancelled at once."""

from pathlib import Path

from tests.e2e.bulk import fill
from tests.e2e.console import Console
from tests.waiting import wait_for


def test_a_throttled_backup_makes_progress_and_can_be_cancelled(tmp_path: Path) -> None:
    with Console(tmp_path / "home", CONSOLE_BACKUP_BYTES_PER_SECOND="1000000") as console:
        instance = console.create_instance("throttled")
        fill(instance["port"], megabytes=4)
        console.create_backup(instance["id"], "slow-one")

        def progress() -> int:
            return int(console.job_of("slow-one")["progress"])

        first = wait_for(progress, because="progress")
        wait_for(lambda: progress() > first, because="more progress")
        assert console.backup("slow-one")["status"] == "BUILDING"
        console.post(f"/backups/{console.backup('slow-one')['id']}/cancel/", {})
        row = console.wait_backup("slow-one", "CANCELLED", seconds=10)
        assert "cancelled" in row["failure"].lower()
        wait_for(lambda: console.stored() == [], because="no partial archive")
