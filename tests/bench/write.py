"""Run one client that writes until stdin ends: `python -m tests.bench.write PORT insert|update`.

It prints "writing" once it has written for a while; at the end, it prints a JSON line for each acknowledged write since
then, with the time it was sent and the seconds until its acknowledgement.
"""

import json
import sys
import threading
import time

from pymongo import MongoClient

from tests.instances.engines.servers import PASSWORD

_WARM = 200


def main(port: int, operation: str) -> None:
    stop = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=[stop], daemon=True).start()
    writes: list[tuple[float, float]] = []
    signed_in = MongoClient[dict[str, object]](
        "127.0.0.1", port, username="rwuser", password=PASSWORD, authSource="admin", directConnection=True
    )
    with signed_in as client:
        # Two databases, as applications do.
        collections = [client["shop"]["written"], client["events"]["written"]]
        ids: list[object] = []
        count = 0
        while not stop.is_set():
            collection = collections[count % 2]
            sent, started = time.time(), time.monotonic()
            if operation == "update" and count >= _WARM:
                collection.update_one({"_id": ids[count % _WARM]}, {"$inc": {"count": 1}})
            else:
                ids.append(collection.insert_one({"count": count, "text": "x" * 500}).inserted_id)
            if count > _WARM:
                writes.append((sent, time.monotonic() - started))
            count += 1
            if count == _WARM:
                print("writing", flush=True)
    for sent, seconds in writes:
        print(json.dumps([sent, seconds]))


def _wait_for_the_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
