"""Open the database files, whatever state a killed server or a full disk has left them in."""

import argparse
import logging
import ssl
from pathlib import Path
from typing import Any

import wiredtiger
from secantus import server

from .agent_user import HiddenAgent
from .foreign import require_own_files, require_own_metadata
from .index_builds import IndexBuilds
from .panic import reason
from .process_life import CannotStart, most_clients

log = logging.getLogger("launcher")
wiredtiger_open = wiredtiger.wiredtiger_open

# Marks a data directory that WiredTiger has opened completely at least once.
_OPENED = "opened"
_SESSIONS = 2200
_CLIENTS = 1000
_TTL_SECONDS = 60.0


class GuardedStorage(HiddenAgent, IndexBuilds):
    """SecantusDB's storage with everything that the console adds to it."""


class LazyHandshakes(ssl.SSLContext):
    """TLS that leaves the handshake to the client's own thread, so that a silent client does not block others."""

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*arguments, **{**options, "do_handshake_on_connect": False})


def open_server(options: argparse.Namespace, agent_name: str) -> server.SecantusDBServer:
    """Open the files and return the server, which does not listen yet. Raises CannotStart."""
    data = options.home / "data"
    GuardedStorage.agent_name = agent_name
    server.Storage = GuardedStorage
    wiredtiger.wiredtiger_open = _open_files
    try:
        _forget_backup(data)
        _require_metadata(data)
        if not (data / _OPENED).exists():
            require_own_files(data)
        opened = server.SecantusDBServer(
            host=options.bind,
            port=options.port,
            storage_path=str(data),
            replica_set_name=options.replica_set or None,
            require_auth=True,
            enable_test_commands=False,
            # A client may be idle for as long as it likes.
            client_idle_timeout_s=None,
            max_connections=most_clients(_CLIENTS),
            session_max=_SESSIONS,
            ttl_sweep_seconds=0.0 if options.no_ttl else _TTL_SECONDS,
            oplog_max_entries=options.oplog_entries,
            cache_size=f"{options.cache_mb}M",
            sync_on_commit=True,
            durable=True,
            tls_cert_file=options.tls_certificate,
            tls_key_file=options.tls_key,
        )
        (data / _OPENED).touch(mode=0o600)
    except CannotStart:
        raise
    except Exception as error:
        raise CannotStart(f"The database files cannot be opened: {reason(data, error)}.") from error
    if opened._ssl_context is not None:
        opened._ssl_context = LazyHandshakes(ssl.PROTOCOL_TLS_SERVER)
        opened._ssl_context.load_cert_chain(options.tls_certificate, options.tls_key)
    return opened


def _forget_backup(data: Path) -> None:
    """Remove the file that a server leaves when it is killed while a backup cursor is open.

    With this file, WiredTiger would return to the metadata of the backup and lose every collection first written after
    the backup. Keep the file in a restored copy, which was never opened completely: WiredTiger starts from the file.
    """
    if (data / _OPENED).exists():
        (data / "WiredTiger.backup").unlink(missing_ok=True)


def _require_metadata(data: Path) -> None:
    """Raise CannotStart if there are tables without metadata, because WiredTiger would create an empty database."""
    if any(data.glob("*.wt")) and not any(
        (data / name).exists() for name in ("WiredTiger.turtle", "WiredTiger.backup")
    ):
        raise CannotStart("The database files are incomplete: WiredTiger.turtle is missing.")


def _open_files(home: str, config: str) -> Any:
    """Open WiredTiger, and remove the tables that a killed server was creating.

    WiredTiger cannot open a database with such an incomplete table. SecantusDB creates a table just before it writes
    the first row, so incomplete tables are empty.
    """
    # WiredTiger.basecfg is ignored: it is part of archives, and could name a library to load.
    connection = wiredtiger_open(home, f"{config},config_base=false")
    session = connection.open_session()
    cursor = session.open_cursor("metadata:")
    metadata = {str(key): str(value) for key, value in cursor}
    cursor.close()
    require_own_metadata(metadata.items())
    names = metadata.keys()
    for name in sorted(names):
        kind, _, table = name.partition(":")
        if kind == "table" and not {f"colgroup:{table}", f"file:{table}.wt"} <= names:
            log.warning("Removing the incomplete table %s.", table)
            session.drop(name, "force=true")
    session.close()
    return connection
