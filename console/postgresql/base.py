"""Django's PostgreSQL backend, extended to recover from a restart of the server at once."""

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """A wrapper for a pool that does not check its connections (CONN_HEALTH_CHECKS off).

    After a server restart every connection in the pool is dead. The pool would discover this one connection at a time,
    with ever longer pauses, while its callers time out. Instead, the first dead connection found empties the pool.
    """

    def get_new_connection(self, conn_params):  # type: ignore[no-untyped-def]
        connection = super().get_new_connection(conn_params)
        pool = self.pool
        if pool is None or _lives(connection):
            return connection
        pool.putconn(connection)
        pool.drain()
        return super().get_new_connection(conn_params)

    def _configure_connection(self, connection):  # type: ignore[no-untyped-def]
        super()._configure_connection(connection)  # type: ignore[misc]  # its stubs lack it
        # Join tables in the order of the query: planning a better order takes ten times as long as finding a list's
        # rows. Set here because poolers reject it as a connection option.
        connection.execute("SET join_collapse_limit = 1")
        return True


def _lives(connection: "psycopg.Connection[object]") -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
