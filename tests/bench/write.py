"""Run as `python -m tests.bench.write PORT WRITERS`: inserts documents until stdin ends, then tells of each write.

It says "writing" when every writer has written for a while; at the end, a line of JSON for each acknowledged write
since then: when it was sent, and the seconds until its acknowledgement.
"""

import json
import sys
import threading
import time

from pymongo import MongoClient

_WARM = 200


def main(port: int, writers: int) -> None:
    stop = threading.Event()
    warm = threading.Barrier(writers + 1)
    writes: list[tuple[float, float]] = []

    def write(name: int) -> None:
        with MongoClient[dict[str, object]]("127.0.0.1", port) as client:
            # Each writes into two databases, as applications do; all but the first database exist only here.
            collections = [client["shop"]["documents"], client[f"bench-{name}"]["documents"]]
            count = 0
            while not stop.is_set():
                sent, started = time.time(), time.monotonic()
                collections[count % 2].insert_one({"writer": name, "count": count, "text": "x" * 500})
                if count > _WARM:
                    writes.append((sent, time.monotonic() - started))
                count += 1
                if count == _WARM:
                    warm.wait()

    threads = [threading.Thread(target=write, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    warm.wait()
    print("writing", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    for sent, seconds in writes:
        print(json.dumps([sent, seconds]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
