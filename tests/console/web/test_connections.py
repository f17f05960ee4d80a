"""The console's connections to its database: lifetime and settings."""

import pytest
from django.db import connection
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a pool")
def test_a_thread_keeps_its_sqlite_connection_after_a_response(plain: Client) -> None:
    plain.get("/instances/")
    # `close_at` is the time when Django would close the connection.
    assert connection.connection is not None and connection.close_at is None


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the planner's setting is PostgreSQL's")
def test_postgresql_joins_tables_in_the_written_order() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW join_collapse_limit")
        assert cursor.fetchone() == ("1",)
