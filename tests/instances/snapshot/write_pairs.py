"""Run as `python -m tests.instances.snapshot.write_pairs DATA_DIR NAME`: writes pairs until stdin ends."""

import select
import sys
from itertools import count
from pathlib import Path

from tests.instances.snapshot.databases import connect


def main(data_dir: Path, name: str) -> None:
    connections = [connect(data_dir / f"{database}.db") for database in ("first", "second")]
    for number in count():
        for connection in connections:
            connection.execute("INSERT INTO numbers (_id, data) VALUES (?, '{}')", (f"{name}-{number}",))
        if number == 5:
            print("writing", flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
