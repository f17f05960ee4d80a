"""The launcher's storage where no client can bring about the moment: each test runs a script in the launcher's room."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from instances.engines.embedded import process

OPEN = """
    import sys, threading
    import wiredtiger
    from launcher import index_builds
    from launcher.index_builds import IndexBuilds

    storage = IndexBuilds(sys.argv[1])
    storage.insert("shop", "orders", [{"_id": number, "number": number} for number in range(3000)])
"""


def run(script: str, home: Path) -> list[str]:
    """Run the script after `OPEN`, and return the lines that it prints."""
    room = Path(process.__file__).parent
    code = dedent(OPEN) + dedent(script) + "storage.close()\n"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(home)], cwd=room, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_an_index_build_that_conflicts_halfway_is_repeated_from_the_start(tmp_path: Path) -> None:
    script = """
        write = index_builds._SteppingCursor.__setitem__
        written = []

        def conflict_once(self, key, value):
            written.append(key)
            if len(written) == 1500:
                raise wiredtiger.WiredTigerRollbackError("WT_ROLLBACK")
            write(self, key, value)

        index_builds._SteppingCursor.__setitem__ = conflict_once
        storage.create_index("shop", "orders", "number_1", {"number": 1})
        entries = storage._collect_prefix(index_builds._IDX_ENTRIES_TABLE, ("shop", "orders", "number_1"))
        print(len(written), len(entries))
    """
    assert run(script, tmp_path) == ["4500 3000"]


def test_a_clients_transaction_is_not_committed_while_a_cut_is_taken(tmp_path: Path) -> None:
    # A single node has no oplog, so nothing else makes its commits wait.
    script = """
        storage.enable_oplog = False

        def transaction():
            handle = storage.begin_user_transaction()
            with storage.use_user_transaction(handle):
                storage.insert("shop", "orders", [{"_id": "late"}])
            written.set()
            closed.wait()
            storage.commit_user_transaction(handle)

        written, closed = threading.Event(), threading.Event()
        client = threading.Thread(target=transaction)
        client.start()
        written.wait()
        with storage.gate.closed(5):
            closed.set()
            client.join(0.5)
            print(storage.count_matching("shop", "orders", {}))
        client.join()
        print(storage.count_matching("shop", "orders", {}))
    """
    assert run(script, tmp_path) == ["3000", "3001"]
