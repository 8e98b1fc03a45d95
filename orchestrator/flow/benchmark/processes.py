"""Processes of a race: they begin at a word, and their CPU and memory are read from /proc. Linux only: elsewhere these
are None.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from orchestrator.memory import peak_kb

LINUX = sys.platform.startswith("linux")
TICKS = os.sysconf("SC_CLK_TCK") if LINUX else 100


def wait_for_the_word() -> None:
    """Say that all is set up, and wait for a line: starting up is not measured."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def say_done() -> None:
    """Say so, and stay until the word to end: who is gone is not measured either."""
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.readline()


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system seconds of these processes and everything below them, children that ended included."""
    return sum(sum(_times(pid)) for pid in _trees(roots)) / TICKS


def peak_mb(roots: Iterable[int]) -> float:
    """The largest resident size that one of these processes ever had, in megabytes."""
    return max((peak_kb(pid) for pid in roots), default=0) / 1024


def _trees(roots: Iterable[int]) -> set[int]:
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (words := _stat(int(folder.name))):
            below.setdefault(int(words[1]), []).append(int(folder.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += below.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The words of /proc/PID/stat after the name: state, parent, ... (proc(5)); empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _times(pid: int) -> list[int]:
    """utime, stime, and those of children that were waited for: fields 14 to 17."""
    return [int(word) for word in _stat(pid)[11:15]]
