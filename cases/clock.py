"""The time of the database, read once a service call: order that matters never depends on a worker's clock."""

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """Wall-clock time of PostgreSQL, aware, UTC. Inside a transaction it moves on, unlike `now()`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]
