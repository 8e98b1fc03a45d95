"""CPU and memory of processes, read from /proc. Linux only: elsewhere the figures are None."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from orchestrator.memory import peak_kb

LINUX = sys.platform.startswith("linux")
TICKS = os.sysconf("SC_CLK_TCK") if LINUX else 100


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
