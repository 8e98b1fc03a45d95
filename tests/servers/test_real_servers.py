"""The product on the machine's own PostgreSQL, with Redis and with RabbitMQ: schema, roles, a doorbell."""

import os
import subprocess
import sys

import psycopg

from tests.servers.conftest import ROOT, manage

RING_AND_HEAR = """
import django; django.setup()
from django.conf import settings
from django.core.cache import cache
from orchestrator.celery import app
from orchestrator.health import broker_answers
assert broker_answers(settings.BROKER_URL)
cache.set("door", "bell", 30)
assert cache.get("door") == "bell"
with app.connection_for_write() as connection:
    queue = connection.SimpleQueue("servers-test")
    queue.put({"case": 1})
    print(queue.get(timeout=10).payload["case"])
"""


def test_it_migrates_as_owner_and_runs_as_the_product_role(real_environment: dict[str, str]) -> None:
    done = manage(real_environment, "migrate", "--check")
    assert done.returncode == 0, done.stderr
    with psycopg.connect(real_environment["DATABASE_URL"]) as connection:
        rights = connection.execute(
            "SELECT has_table_privilege('cases_event', 'INSERT'), "
            "has_table_privilege('cases_event', 'UPDATE'), "
            "has_table_privilege('auth_user', 'UPDATE')"
        ).fetchone()
    assert rights == (True, False, True)

    heard = subprocess.run(
        [sys.executable, "-c", RING_AND_HEAR],
        cwd=ROOT,
        env={**real_environment, "PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert heard.stdout.strip() == "1", heard.stderr
