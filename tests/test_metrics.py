"""`/metrics`: counts for whoever brings the token, nothing for others."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.world import add_case_row, build

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer "])
def test_nobody_reads_it_without_the_token(client: Client, settings: object, header: str | None) -> None:
    settings.METRICS_TOKEN = "right"  # type: ignore[attr-defined]
    assert client.get("/metrics", headers={"authorization": header} if header else {}).status_code == 404


def test_an_unset_token_lets_nobody_in(client: Client) -> None:
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


def test_it_counts_what_waits(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = "right"  # type: ignore[attr-defined]
    answer = client.get("/metrics", headers={"authorization": "Bearer right"})
    assert answer.status_code == 200
    assert b"work_command_cases_due 0.0" in answer.content


def test_states_with_nothing_in_them_are_there_too(client: Client, settings: object) -> None:
    """An alarm on writes that nobody knows the end of needs the line while there are none."""
    text = told(client, settings)
    assert 'work_command_writes{state="unknown"} 0.0' in text and 'work_command_cases{status="triage"} 0.0' in text
    assert 'work_command_rows{table="agents_write"}' in text
    assert "done" not in text and "written" not in text, "what has ended is not counted one by one"


def test_it_counts_what_is_open(client: Client, settings: object) -> None:
    world = build()
    add_case_row(world.refund, world.now, status="triage")
    add_case_row(world.refund, world.now, status="done")
    text = told(client, settings)
    assert 'work_command_cases{status="triage"} 1.0' in text
    assert 'work_command_approvals{state="waiting"} 1.0' in text
    rows = re.findall(r'work_command_rows\{table="(\w+)"\} (\S+)', text)
    assert [table for table, _n in rows] == ["agents_write", "approvals_approval", "cases_case"]
    assert all(float(n) >= 0 for _table, n in rows), "PostgreSQL says -1 before it ever looked"


def test_every_count_reads_a_partial_index_and_never_a_whole_table(client: Client, settings: object) -> None:
    with CaptureQueriesContext(connection) as asked:
        told(client, settings)
    counts = [one["sql"] for one in asked if "COUNT(" in one["sql"]]
    assert len(counts) == 4 and all(" WHERE " in sql for sql in counts)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        partial = {name for (name,) in cursor.fetchall()}
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in counts:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            read = re.findall(r"Index (?:Only )?Scan using (\S+) on|Bitmap Index Scan on (\S+)", plan)
            # Which one is the statistics' choice: for some counts there are two.
            assert read and {one or other for one, other in read} <= partial and "Seq Scan" not in plan, plan


def told(client: Client, settings: object) -> str:
    settings.METRICS_TOKEN = "right"  # type: ignore[attr-defined]
    return client.get("/metrics", headers={"authorization": "Bearer right"}).content.decode()
