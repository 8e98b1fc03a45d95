"""A small part of the fault tests (D01, D09, U02) on the machine's own PostgreSQL, with Redis and with RabbitMQ."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.guarantees import guarantee
from tests.servers.conftest import ROOT


@guarantee("D01", ci=1, seconds=600)
@guarantee("D09", ci=1, seconds=600)
def test_deaths_and_repeated_messages_lose_and_repeat_nothing(real_environment: dict[str, str], tmp_path: Path) -> None:
    environment = {**real_environment, "PYTHONPATH": os.fspath(ROOT), "WORK_COMMAND_DEMO": "yes"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.live.elsewhere", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=560,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert set(found["died"].values()) == {1} and len(found["died"]) == 8, found
    assert found["differences"] == [] and found["done"] == 6, found
    assert sum(found["states"].values()) == 14 and found["states"]["done"] >= 13, found
