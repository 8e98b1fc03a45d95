"""Whether what was written can be reversed: by the receipt that was stored before the write. Pure."""

from datetime import datetime, timedelta

from agents.models import Write
from cases.calendars import duration


def can_be_reversed(write: Write, now: datetime) -> bool:
    """It was written, its receipt names the call, and its time has not passed."""
    return write.state == Write.State.WRITTEN and is_whole(write) and in_time(write, now)


def is_whole(write: Write) -> bool:
    """Whether it says which operation reverses it, with every argument."""
    return bool(write.receipt.get("operation")) and bool(write.receipt.get("complete", True))


def in_time(write: Write, now: datetime) -> bool:
    within, since = write.receipt.get("within"), write.receipt.get("from")
    if not within or not since:
        return True
    return now <= datetime.fromisoformat(str(since)) + timedelta(seconds=duration(str(within)).clock_seconds)
