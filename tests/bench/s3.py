"""Compare archives in S3 with archives in the folder. The server is moto, on this machine's own cores."""

from collections.abc import Iterator
from statistics import median

from tests.bench.bench import Bench
from tests.bench.report import Row, memory
from tests.bench.storages import NAME
from tests.s3 import Bucket, moto_process


def rows(bench: Bench) -> Iterator[Row]:
    with moto_process() as url:
        yield from _times(bench, Bucket(url, "times"))
        for size in (bench.size / 10, bench.size):
            yield from _memory(bench, Bucket(url, f"memory-{size:g}"), size)


def _times(bench: Bench, bucket: Bucket) -> Iterator[Row]:
    server = bench.instance(bench.size)
    backups: list[tuple[float, float]] = []
    restores: list[tuple[float, float]] = []
    for _ in range(bench.runs):
        bucket.empty()
        there = bench.backup(server, bucket.place)["seconds"], bench.restore(bucket.place, NAME)["seconds"]
        here = bench.backup(server)["seconds"], bench.restore(bench.directory / "ours" / "backups", NAME)["seconds"]
        backups.append((there[0], here[0]))
        restores.append((there[1], here[1]))
    for what, runs in (("Backup to S3", backups), ("Restore from S3", restores)):
        ours, folder = (median(run[side] for run in runs) for side in (0, 1))
        yield Row(f"{what}, {bench.size:.0f} MB", f"{ours:.2f} s", f"{folder:.2f} s (folder)", f"{ours / folder:.2f}x")


def _memory(bench: Bench, bucket: Bucket, size: float) -> Iterator[Row]:
    target = "<= 150 MB more"
    backup = bench.backup(bench.instance(size), bucket.place)
    yield memory(f"backup of {size:.0f} MB to S3", backup, target)
    yield memory(f"restore of {size:.0f} MB from S3", bench.restore(bucket.place, NAME), target)
