"""Run the server until SIGTERM, SIGINT, a panic of WiredTiger or the end of its parent.

A server that cannot start or continue writes one sentence to stderr and exits with 1.
"""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from . import process_life
from .agent_user import hide_from_commands, prepare_users
from .backup_cursor import Backups, Connections
from .commands import add_commands, hide_passwords_from_profiler, remove_file_commands
from .counts import Total
from .logs import log_to_stderr
from .opening import open_server
from .panic import say
from .process_life import CannotStart

log = logging.getLogger("launcher")


def main() -> int:
    """Run the server and return its exit code."""
    options = _options()
    os.umask(0o077)
    log_to_stderr(options.home / "data")
    try:
        _run(options)
    except (CannotStart, OSError, ValueError) as error:
        say(str(error))
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="launcher")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--replica-set", default="")
    parser.add_argument("--cache-mb", type=int, default=256)
    parser.add_argument("--oplog-entries", type=int, default=10_000)
    parser.add_argument("--tls-certificate")
    parser.add_argument("--tls-key")
    parser.add_argument("--no-ttl", action="store_true", help="keep expired documents")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> None:
    process_life.die_with_parent(options.parent_pid)
    process_life.lock(options.home / "server.lock")
    agent = json.loads((options.home / "agent.json").read_bytes())
    process_life.block_signals()
    running = open_server(options, agent["user"])
    backups = Backups(running.storage)
    running.connections = Connections(backups)
    prepare_users(running.storage, agent, options.home)
    connection = running.storage._conn
    add_commands(backups, Total(connection), connection, agent["user"])
    remove_file_commands()
    hide_from_commands(agent["user"])
    hide_passwords_from_profiler()
    try:
        running.start()
    except OSError as error:
        raise CannotStart(f"Port {options.port} cannot be used: {os.strerror(error.errno or 0)}.") from error
    log.info("Listening on %s:%d", options.bind, options.port)
    process_life.wait_for_end(options.parent_pid)
    backups.release()
    process_life.stop(running)
    log.info("Stopped")


if __name__ == "__main__":
    sys.exit(main())
