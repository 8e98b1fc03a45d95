"""`manage.py bench` in small: it runs on servers of its own and says what the contract names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings


@pytest.mark.timeout(280)
def test_it_prints_the_figures_of_the_contract(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "bench", "--cases", "40", "--rounds", "1", "--alone", "2", "--rows", "0"]
    environment = {**os.environ, "WORK_COMMAND_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "orchestrator.settings"}
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads(done.stdout)
    assert figures["cpu_over_lean"] > 0 and figures["lean"]["cpu_over_floor"] > 0
    assert 0 < figures["replay"]["cpu_ms_per_case"] < figures["cpu_ms_per_case"]
    for name in ("cases_per_s", "p50_ms", "p95_ms", "cpu_ms_per_case", "cpu_over_floor", "rate_over_floor", "peak_rss"):
        assert figures[name] > 0, name
    assert 0 < figures["statements_automatic"] < figures["statements_approved"]
    assert not list(tmp_path.glob("bench-*"))
