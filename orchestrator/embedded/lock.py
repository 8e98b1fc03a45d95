"""One supervisor a data folder: a lock that the kernel gives back when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.embedded.folders import FolderRefused, private_folder, told


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold the data folder. Raises `FolderRefused` naming the process that holds it already."""
    path = private_folder(data) / "running.lock"
    with told(path):
        file = path.open("a+")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise FolderRefused(
                f"Work Command is already running on {data} (process {holder}). "
                "Stop it first, or set WORK_COMMAND_DATA to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
