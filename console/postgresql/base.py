"""Django's backend for PostgreSQL, which gets over a restart of the server at once."""

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """For a pool without checks of its own (CONN_HEALTH_CHECKS off).

    After a restart every connection in the pool is dead. The pool would find out one after the other, with longer
    and longer pauses between them, and tell whoever waits that there is none; here the first dead one ends them all.
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
        # What is joined to a list's rows is joined one by one: to look for a better order takes ten times as long as to
        # find the rows. Not by an option of the connection, which poolers refuse.
        connection.execute("SET join_collapse_limit = 1")
        return True


def _lives(connection: "psycopg.Connection[object]") -> bool:
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
