"""How much memory a backup takes: the same for a small and a large instance."""

from collections.abc import Iterator

from instances.engine import process
from tests.bench import data
from tests.bench.bench import Bench
from tests.bench.report import Row, megabytes


def rows(bench: Bench) -> Iterator[Row]:
    for size in (bench.size / 10, bench.size):
        growth = bench.backup(process.data_dir(bench.instance(size, data.SEVERAL)))["memory_growth"]
        yield Row(f"Memory for a backup of {size:.0f} MB", megabytes(growth), target="<= 120 MB, the same for both")
