"""Statements that the server keeps: what becomes of them when a table changes while a process runs."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import NotSupportedError, transaction

from cases import rows
from orchestrator.embedded.postgres import APP

ONE = "SELECT n FROM kept_rows WHERE id = $1"


@pytest.fixture
def changed(owner_connection: psycopg.Connection) -> Iterator[None]:
    """A table that was read often enough to be planned once, whose column then became a wider one."""
    owner_connection.execute("CREATE TABLE kept_rows (id integer, n integer)")
    owner_connection.execute(f"GRANT SELECT ON kept_rows TO {APP}")
    owner_connection.execute("INSERT INTO kept_rows VALUES (1, 5)")
    owner_connection.commit()
    try:
        for _n in range(3):
            assert rows.execute(ONE, ["1"]) == [(5,)]
        owner_connection.execute("ALTER TABLE kept_rows ALTER n TYPE bigint")
        owner_connection.commit()
        yield
    finally:
        owner_connection.rollback()
        owner_connection.execute("DROP TABLE kept_rows")
        owner_connection.commit()


def test_a_statement_is_planned_anew_when_its_table_changed(changed: None) -> None:
    assert rows.execute(ONE, ["1"]) == [(5,)]
    assert rows.execute(ONE, ["1"]) == [(5,)]


def test_within_a_transaction_only_that_one_is_lost(changed: None) -> None:
    """It cannot be gone on with; whatever tries again finds the statement planned anew."""
    with pytest.raises(NotSupportedError), transaction.atomic():
        rows.execute(ONE, ["1"])
    with transaction.atomic():
        assert rows.execute(ONE, ["1"]) == [(5,)]


def test_what_the_server_really_cannot_do_is_said(transactional_db: None) -> None:
    with pytest.raises(NotSupportedError):
        rows.execute("SELECT DISTINCT oid FROM pg_class FOR UPDATE", [])
