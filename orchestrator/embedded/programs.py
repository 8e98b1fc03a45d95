"""Programs beside the servers: web, worker, beat, the demo company. Same three words as the servers have.

`keep_running` watches them all, starts again what fell over, and stops them in order at the end.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from orchestrator.embedded import children

WATCH_SECONDS = 0.5
RESTARTS = 5  # within a minute; more means that it cannot run at all


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C or SIGTERM."""


class GaveUp(Exception):
    """A program fell over again and again; the message names it and its log."""


class Supervised(Protocol):
    """What can be kept running."""

    child: subprocess.Popen[bytes] | None
    log: Path

    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class Program:
    """A command `python -m MODULE …` with its log and the patience it gets when it is stopped (seconds)."""

    command: Sequence[str | Path]
    log: Path
    environment: Mapping[str, str]
    folder: Path
    patience: float = 25.0
    death_signal: int = signal.SIGKILL  # nothing is lost by it, and a port is free at once
    child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, and note its process group: it may have children of its own that outlive a kill."""
        self.child = children.start(
            self.command,
            log=self.log,
            death_signal=self.death_signal,
            environment=self.environment,
            folder=self.folder,
        )
        self._note.write_text(str(self.child.pid))

    def stop(self) -> None:
        """Ask it to end, wait, and end it the hard way if it does not."""
        if self.child is not None:
            children.stop_child(self.child, ((signal.SIGTERM, self.patience), (signal.SIGKILL, 5.0)))
            self.child = None
        self._note.unlink(missing_ok=True)

    def end_left_behind(self) -> None:
        """End what an earlier start left of this program, if its supervisor was killed."""
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            group = int(self._note.read_text())
            if any(str(self.command[2]) in words for words in children.group_members(group)):
                os.killpg(group, signal.SIGKILL)
        self._note.unlink(missing_ok=True)

    @property
    def _note(self) -> Path:
        return self.log.with_suffix(".group")


def raise_stopped(_number: int, _frame: FrameType | None) -> None:
    """A signal handler: leave whatever is being done, once; later signals do not disturb the stopping."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def keep_running(services: Mapping[str, Supervised], say: Callable[[str], None]) -> None:
    """Watch until `Stopped` comes. What ended is started again; raises `GaveUp` when that does not help."""
    starts: dict[str, list[float]] = {name: [] for name in services}
    while True:
        for name, service in services.items():
            if service.child is None or service.child.poll() is None:
                continue
            now = time.monotonic()
            starts[name] = [at for at in starts[name] if now - at < 60] + [now]
            if len(starts[name]) > RESTARTS:
                raise GaveUp(f"{name} ended {RESTARTS} times within a minute. Its log: {service.log}")
            say(f"{name} ended (code {service.child.returncode}); starting it again")
            service.start()
        time.sleep(WATCH_SECONDS)


def stop_all(services: Mapping[str, Supervised], say: Callable[[str], None]) -> None:
    """Stop in the opposite order of starting, so that nothing loses what it stands on."""
    for name, service in reversed(list(services.items())):
        if service.child is not None:
            say(f"stopping {name}")
            service.stop()
