"""Starts the demo company as the process that it is, on a free port, and talks to it over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
TODAY = "2026-03-02"
TOKEN = "demo-company-token"
MOST_READS = 1_000_000  # each is compared with the ledger


class RunningCompany:
    """One company process over one data folder; `kill` ends it as a crash does, `start` begins it again."""

    def __init__(self, data: Path, host: str = "127.0.0.1") -> None:
        self.data, self.host = data, host
        self.start()

    def start(self) -> None:
        words = ["--port", "0", "--host", self.host, "--data", str(self.data), "--reads", str(MOST_READS)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.demo.company", *words],
            cwd=ROOT,
            env={**os.environ, "DEMO_TODAY": TODAY, "DEMO_COMPANY_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith(f"ready http://{self.host}:"), line
        self.url = line.split()[1].replace("0.0.0.0", "127.0.0.1")
        self.http = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)

    def kill(self) -> None:
        """kill -9, as a crash."""
        self._end(self.process.kill)

    def stop(self) -> None:
        """An orderly end."""
        self._end(self.process.terminate)

    def _end(self, how: Any) -> None:
        how()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The body of a read that must succeed."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, path: str, body: dict[str, Any], key: str | None = None, method: str = "POST") -> httpx.Response:
        """The answer of a write, whatever it is."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.request(method, path, json=body, headers=headers)

    def control(self, name: str, body: dict[str, Any]) -> Any:
        """The body of a control call that must succeed."""
        answer = self.http.post(f"/_control/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def log(self, operation: str | None = None) -> list[dict[str, Any]]:
        """What was really done."""
        rows: list[dict[str, Any]] = self.get("/_control/log", **({"operation": operation} if operation else {}))[
            "results"
        ]
        return rows
