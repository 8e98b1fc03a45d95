"""How much memory a process held at most."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_kb(process: int | str = "self") -> int:
    """The most memory that a process held since its program began, in kilobytes; 0 when the process is gone.

    `VmHWM` of proc(5) where there is a /proc. getrusage(2) is only the second choice, and for this process alone: on
    Linux its `ru_maxrss` survives exec(2), so a program that a big process started would seem as big as its parent.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return _own_peak() if process == "self" else 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _own_peak() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most  # bytes on macOS, kilobytes elsewhere
