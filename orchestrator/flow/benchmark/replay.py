"""The statements of cases alone: recorded once, then sent again by plain psycopg to a copy of the database as it was.

What remains is what PostgreSQL and the line to it cost if nobody sorts, judges, works out or writes anything down: no
change of the code between two statements brings a case below this.

`python -m orchestrator.flow.benchmark.replay FILE` waits for a line before it begins, as the floor does.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, connections
from psycopg import sql
from psycopg.pq import TransactionStatus

from orchestrator.embedded.postgres import EmbeddedPostgres
from orchestrator.flow.benchmark.processes import say_done, wait_for_the_word

KEPT, COPY = "bench_before", "bench_replay"  # the database as it was before the recording, and the one that is written
Statement = tuple[int | None, str, list[Any] | None]
"""(number of its transaction or None, text, values that the server binds; None: they stand in the text)"""


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """Within this block every statement of the default connection is noted, with what it was bound to."""
    statements: list[Statement] = []
    transactions = 0

    def note(execute: Callable[..., Any], text: Any, values: Any, many: bool, context: Any) -> Any:
        nonlocal transactions
        line = connection.connection
        begins = line is None or line.info.transaction_status == TransactionStatus.IDLE
        result = execute(text, values, many, context)
        transactions += begins
        number = transactions if connection.in_atomic_block else None
        cursor = context["cursor"]
        if isinstance(cursor.cursor, psycopg.RawCursor):
            statements.append((number, text, list(values or ())))
        else:
            statements.append((number, connection.ops.last_executed_query(cursor, text, values), None))
        return result

    with connection.execute_wrapper(note):
        yield statements


def keep() -> None:
    """Keep the database as it is now, for `copy`."""
    _copy(settings.DATABASES["default"]["NAME"], KEPT)


def copy() -> None:
    """Make the database anew in which statements that were recorded after `keep` are sent again."""
    _copy(KEPT, COPY)


def _copy(source: str, name: str) -> None:
    connections.close_all()
    with EmbeddedPostgres(Path(settings.DATA_DIR)).connect() as line:
        line.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [source])
        line.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        line.execute(made.format(sql.Identifier(name), sql.Identifier(source)))


def ended() -> int:
    """How many cases of the copy are done: what was sent again must have met the rows that it met before."""
    with EmbeddedPostgres(Path(settings.DATA_DIR)).connect(database=COPY) as line:
        found = line.execute("SELECT count(*) FROM cases_case WHERE status = 'done'").fetchone()
    return int(found[0]) if found else 0


def run(statements: list[Statement], ready: Callable[[], None]) -> None:
    """Send them again in their order and their transactions, on a line that is set up as the product's."""
    ours = settings.DATABASES["default"]
    how = {name: ours["OPTIONS"][name] for name in ("options", "prepare_threshold")}
    with psycopg.connect(dbname=COPY, user=ours["USER"], host=ours["HOST"], autocommit=True, **how) as line:
        bound, text = psycopg.RawCursor(line), psycopg.ClientCursor(line)
        ready()
        open_: int | None = None
        for number, words, values in statements:
            if number != open_:
                line.commit()
                open_ = number
                line.autocommit = number is None
            cursor = text if values is None else bound
            cursor.execute(words, values)
            if cursor.description:
                cursor.fetchall()
        line.commit()


def main() -> None:
    """Say ready, wait for the word, do it, say done."""
    run(json.loads(Path(sys.argv[1]).read_text()), wait_for_the_word)
    say_done()


if __name__ == "__main__":
    main()
