"""When a first reply and the end of a case are due. Pure: calendars and texts of the map in, times out."""

from datetime import datetime, tzinfo
from typing import Any

from cases.calendars import WorkingHours, add, duration


def due_times(
    due: dict[str, Any], calendars: dict[str, WorkingHours], *, start: datetime
) -> tuple[datetime | None, datetime | None]:
    """(first reply, finish) after `start`: working time with a calendar, clock time without."""
    calendar = calendars.get(str(due.get("calendar", "")))
    first, finish = due.get("first_reply"), due.get("finish")
    return (
        add(start, duration(str(first)), calendar) if first else None,
        add(start, duration(str(finish)), calendar) if finish else None,
    )


def working_hours(hours: dict[str, str], holidays: str, zone: tzinfo) -> WorkingHours:
    return WorkingHours(hours=hours, holidays=holidays or None, zone=zone)
