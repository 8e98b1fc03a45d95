"""The ledger's speed: `manage.py bench` measures more of it (several processes, sizes of a commit)."""

import os
import re
import subprocess
import sys
import threading
import time
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from cases import ledger
from orchestrator.embedded.postgres import APP, DATABASE, OWNER, EmbeddedPostgres
from orchestrator.flow.benchmark import appending
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.django_db(transaction=True)

A_COMMIT = 4  # lines of a stretch
MOST_MB, MOST_SECONDS = 300, 60


@guarantee("U05", ci=10 * 100, release=50 * 2_000)
def test_many_writers_leave_unbroken_chains_and_are_fast_enough(size: Size) -> None:
    """A chain a writer, as cases have it. The rate is held in a release only: a CI machine may be busy."""
    writers = size.pick(10, 50)
    each = size.number // writers
    cases = [appending.new_case() for _n in range(writers)]

    def write(case_id: int) -> None:
        appending.append(case_id, A_COMMIT, each // A_COMMIT)
        connection.close()

    threads = [threading.Thread(target=write, args=[case_id]) for case_id in cases]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    size.tried = writers * each
    verdict = ledger.verify()
    assert (verdict.first_broken, verdict.events) == (None, size.tried + writers)
    if size.release:
        assert size.tried / seconds >= 500, f"{size.tried / seconds:.0f} lines a second"


@guarantee("U06", ci=100_000, release=1_000_000)
def test_verifying_many_lines_needs_little_time_and_memory(size: Size, postgres: EmbeddedPostgres) -> None:
    """As the command in a process of its own, which says how much memory it had at most.

    A million lines in a minute in a release; on every run, in CPU time, what a hundred thousand may take.
    """
    appending.fill(size.number)
    size.tried = size.number
    address = f"@/{DATABASE}?host={postgres.sockets}"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        "WORK_COMMAND_DATA": str(settings.DATA_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
        "LEDGER_KEY": settings.LEDGER_KEY,
        "DATABASE_URL": f"postgresql://{APP}{address}",
        "DATABASE_OWNER_URL": f"postgresql://{OWNER}{address}",
    }
    command = [sys.executable, "manage.py", "verify_ledger"]
    before = os.times()
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    used = os.times()
    assert done.returncode == 0, done.stderr
    found = re.search(r"(\d+) events in ([\d.]+) s, .* (\d+) MB", done.stdout)
    assert found and int(found[1]) == size.number, done.stdout
    assert int(found[3]) <= MOST_MB, done.stdout
    cpu = used.children_user - before.children_user + used.children_system - before.children_system
    if size.release:
        assert float(found[2]) <= MOST_SECONDS, done.stdout
    assert cpu / size.number * 1_000_000 <= 4 * MOST_SECONDS or size.release, f"{cpu:.1f} s of CPU"


def test_the_command_verifies_in_this_process_too() -> None:
    appending.fill(500)
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert "500 events" in out.getvalue()
