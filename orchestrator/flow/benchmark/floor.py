"""The floor: the least that durable steps can cost. Plain psycopg, one committed row a step, nothing else.

A program of its own: `python -m orchestrator.flow.benchmark.floor DSN CASES [autocommit]`. It waits for a line
before it begins, so that starting up is not measured.
"""

import sys
import uuid
from collections.abc import Callable

import psycopg
from psycopg.types.json import Jsonb

from orchestrator.flow.benchmark.processes import say_done, wait_for_the_word

STEPS = ("sort", "read", "work_out", "draft", "write", "close")
TABLE = (
    "CREATE TABLE IF NOT EXISTS bench_floor (id bigserial PRIMARY KEY, case_id uuid NOT NULL, step text NOT NULL, "
    "at timestamptz NOT NULL DEFAULT clock_timestamp(), data jsonb NOT NULL)"
)
ROW = "INSERT INTO bench_floor (case_id, step, data) VALUES (%s, %s, %s)"


def run(address: str, cases: int, *, autocommit: bool, ready: Callable[[], None]) -> None:
    """`cases` times six rows, each committed before the next. With `autocommit` BEGIN and COMMIT are not sent."""
    with psycopg.connect(address, autocommit=autocommit) as line:
        line.execute("SELECT 1")
        if not autocommit:
            line.commit()
        ready()
        for _number in range(cases):
            case = uuid.uuid4()
            for step in STEPS:
                data = {"step": step, "state": "done", "values": {"amount": "250.00", "order": "88213"}}
                line.execute(ROW, [case, step, Jsonb(data)])
                if not autocommit:
                    line.commit()


def make_table(address: str) -> None:
    """The table of the floor; called as the role that owns the schema."""
    with psycopg.connect(address, autocommit=True) as line:
        line.execute(TABLE)


def main() -> None:
    """Say ready, wait for the word, do it, say done."""
    run(sys.argv[1], int(sys.argv[2]), autocommit="autocommit" in sys.argv, ready=wait_for_the_word)
    say_done()


if __name__ == "__main__":
    main()
