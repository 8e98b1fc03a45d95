"""Web, workers and beat as processes of their own, with the commands that production uses."""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings

from orchestrator.demo.environment import first_free_port
from orchestrator.embedded.programs import Program

START_SECONDS = 120.0
QUEUES = ",".join(settings.CELERY_TASK_QUEUE_NAMES)


class Processes:
    """Started one by one, stopped together in the opposite order."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.programs: list[Program] = []
        self.url = ""

    def worker(self, *, threads: int) -> None:
        """A worker for all queues; ready when its log says so."""
        options = ("--pool", "threads", "--concurrency", str(threads), "--queues", QUEUES)
        self._celery("worker", *options, "--without-gossip", "--without-mingle", "--hostname", self._name("worker"))

    def beat(self) -> None:
        """The clock that rings the sweeper."""
        self._celery("beat", "--pidfile", "")

    def web(self) -> None:
        """The web server; `url` is where it listens."""
        port = str(first_free_port(18_000 + os.getpid() % 20_000))
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", port]
        command += ["--workers", "1", "--no-ws", "orchestrator.asgi:application"]
        self._start("web", command, signal.SIGTERM)

    def ready(self) -> None:
        """Wait until everything that was started does its work."""
        for program in self.programs:
            name = program.log.stem
            self._wait(
                program, self._answers if name == "web" else lambda p: "ready" in said(p) or "Scheduler" in said(p)
            )

    def stop(self) -> None:
        """End what was started: all are told at once, so that they end beside each other."""
        for program in self.programs:
            if program.child is not None and program.child.poll() is None:
                program.child.terminate()
        for program in reversed(self.programs):
            program.stop()
        self.programs = []

    def log(self) -> str:
        """The end of every log, for the message of a test that failed."""
        return "\n".join(f"--- {p.log.stem}\n{said(p)[-3000:]}" for p in self.programs)

    def said(self, part: str) -> str:
        """All that the processes of this part wrote."""
        return "\n".join(said(p) for p in self.programs if p.log.stem.startswith(part))

    def _celery(self, part: str, *options: str) -> None:
        command = [sys.executable, "-m", "celery", "-A", "orchestrator", part, "--loglevel", "INFO", *options]
        self._start(part, command, signal.SIGKILL)

    def _start(self, part: str, command: list[str], death_signal: int) -> None:
        log = self.folder / f"{self._name(part)}.log" if part == "worker" else self.folder / f"{part}.log"
        environment = {**self.environment, "PYTHONUNBUFFERED": "1"}
        program = Program(command, log, environment, Path(settings.BASE_DIR), 15, death_signal)
        program.start()
        self.programs.append(program)

    def _name(self, part: str) -> str:
        return f"{part}{sum(1 for p in self.programs if p.log.stem.startswith(part)) + 1}"

    def _answers(self, _program: Program) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _wait(self, program: Program, is_ready: object) -> None:
        deadline = time.monotonic() + START_SECONDS
        assert callable(is_ready)
        while not is_ready(program):
            assert program.child is not None and program.child.poll() is None, f"it ended:\n{said(program)}"
            assert time.monotonic() < deadline, f"it did not begin to work:\n{said(program)}"
            time.sleep(0.1)


def said(program: Program) -> str:
    """What the program wrote so far."""
    return program.log.read_text(errors="replace") if program.log.exists() else ""
