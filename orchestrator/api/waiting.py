"""`?wait=`: hold an answer until something is so or the seconds are over.

No transaction and no connection is held between two looks, and only so many calls of one process wait at
once: the others are answered as things stand, which `wait` always allows.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import connection

MOST_AT_ONCE: Final = 32
FIRST_PAUSE: Final = 0.1  # seconds; grows to the longest
LONGEST_PAUSE: Final = 1.0
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


def until(so: Callable[[], bool], seconds: int) -> None:
    """Return when `so()` is true, at the latest after `seconds`."""
    if seconds <= 0 or so() or not _places.acquire(blocking=False):
        return
    try:
        _look(so, time.monotonic() + seconds)
    finally:
        _places.release()


def _look(so: Callable[[], bool], end: float) -> None:
    pause = FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(min(pause, left))
        if so():
            return
        pause = min(pause * 1.5, LONGEST_PAUSE)
