"""The web server process: granian with the console's WSGI application. Started by `manage.py up`."""

import argparse

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from console.processes.parent import die_with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bind", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    options = parser.parse_args()
    die_with(options.parent_pid)
    Granian(
        "console.wsgi:application",
        address=options.bind,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        # A download occupies its thread until the client has received it, so add as many threads for downloads.
        blocking_threads=2 * options.threads,
        workers_kill_timeout=5,
        websockets=False,
        log_access=False,
        # Granian's notices of starting and stopping would bury the address that `up` prints.
        log_level=LogLevels.error,
    ).serve()


if __name__ == "__main__":
    main()
