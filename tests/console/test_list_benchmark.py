"""The benchmark of the lists runs: in small, since what it says of a million is no business of a test."""

from pathlib import Path

from tests.bench import lists


def test_each_page_is_measured_in_both_consoles(tmp_path: Path) -> None:
    rows = list(lists.compare(tmp_path, 1_100, 1))
    assert len(rows) == 17 and all(row.ratio.endswith("x") and "1,100 backups" in row.what for row in rows)
