"""The append-only file that keeps every change of the demo company: a JSON line each, on disk first.

A half-written last line (the process was killed while writing) was never acknowledged and is cut off.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """Lines of one file. Not safe for threads by itself: the store's lock is held around `append`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def read(self) -> list[dict[str, Any]]:
        """Every complete line, oldest first; cuts a torn last line off the file."""
        raw = self.path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            os.truncate(self.path, whole)
        return [json.loads(line) for line in raw[:whole].splitlines() if line]

    def append(self, line: dict[str, Any]) -> None:
        """Write one line and wait until it is on the disk."""
        self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        os.fsync(self._file.fileno())

    def empty(self) -> None:
        """Forget everything, on disk too."""
        os.ftruncate(self._file.fileno(), 0)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
