"""The ledger's speed in small: `manage.py bench` measures it in full (100,000 rows, eight processes)."""

import threading
import time
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from cases import ledger
from orchestrator.flow.benchmark import appending

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_writers_leave_unbroken_chains() -> None:
    cases = [appending.new_case() for _n in range(8)]

    def write(case_id: int) -> None:
        appending.append(case_id, 4, 10)
        connection.close()

    threads = [threading.Thread(target=write, args=[case_id]) for case_id in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = ledger.verify()
    assert (verdict.first_broken, verdict.events) == (None, 8 * 41)


def test_verifying_is_fast_enough_for_a_million_rows_in_a_night() -> None:
    appending.fill(5_000)
    began = time.process_time()
    call_command("verify_ledger", stdout=StringIO())
    assert (time.process_time() - began) / 5_000 * 100_000 < 60  # CPU seconds for 100,000 (U06), on a busy machine too
