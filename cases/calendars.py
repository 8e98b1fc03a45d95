"""Durations as maps write them ("30m", "2h", "1d") and working time.

With a calendar, hours and minutes are working time and 1d is one working day: the same time of day on the
next day that has working hours, or its closing time if that is earlier. Without one, all is clock time.
Pure: times come in and go out aware (UTC out); no clock is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

import holidays as public_holidays

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART = re.compile(r"([0-9]{1,9})([dhms])")
_SHAPE = re.compile(r"(?:[0-9]{1,9}d)?(?:[0-9]{1,9}h)?(?:[0-9]{1,9}m)?(?:[0-9]{1,9}s)?")
_UNIT = {"h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_LONGEST = 3650 * 86_400  # seconds
_LOOK_AHEAD = 400  # days without any working time before a calendar counts as closed for good


@dataclass(frozen=True, slots=True)
class Duration:
    """`seconds` of the hours, minutes and seconds; `working_days` of the days (24 h without a calendar)."""

    seconds: int
    working_days: int = 0

    @property
    def clock_seconds(self) -> int:
        """The whole length in seconds when a day is 24 hours."""
        return self.seconds + self.working_days * 86_400


def duration(text: str) -> Duration:
    """Read "30m", "2h", "1d", "10s" or "8h30m". Raises ValueError for anything else or over ten years."""
    if not isinstance(text, str) or not text:
        raise ValueError(f"“{text}” is not a length of time; write it like 30m, 2h, 1d or 8h30m")
    return _duration(text)


@lru_cache(maxsize=1_000)
def _duration(text: str) -> Duration:
    if not _SHAPE.fullmatch(text):
        raise ValueError(f"“{text}” is not a length of time; write it like 30m, 2h, 1d or 8h30m")
    parts = {unit: int(amount) for amount, unit in _PART.findall(text)}
    read = Duration(sum(parts.get(u, 0) * s for u, s in _UNIT.items()), parts.get("d", 0))
    if read.clock_seconds > _LONGEST:
        raise ValueError(f"“{text}” is longer than ten years")
    return read


@dataclass(frozen=True)
class WorkingHours:
    """A company calendar. `hours` maps days ("mon-fri", "sat", "mon,wed") to "09:00-18:00" (or several,
    with commas); `holidays` is a country ("HK", "US-CA") or a list of ISO dates; `zone` is the company's."""

    hours: Mapping[str, str]
    zone: tzinfo
    holidays: str | list[str] | None = None
    _week: tuple[tuple[tuple[int, int], ...], ...] = field(init=False, repr=False, compare=False)
    _free: frozenset[date] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """A calendar with problems has no hours at all; `check` says what they are."""
        sound = not self.check()
        object.__setattr__(self, "_week", _week(self.hours) if sound else ((),) * 7)
        listed = self.holidays if sound and isinstance(self.holidays, list) else []
        object.__setattr__(self, "_free", frozenset(date.fromisoformat(day) for day in listed))

    def check(self) -> list[str]:
        """Return what is wrong with the calendar, in words; an empty list if nothing is."""
        return [*_hours_problems(self.hours), *_holiday_problems(self.holidays)]

    def is_holiday(self, day: date) -> bool:
        """True if the day is a public holiday of this calendar."""
        if day in self._free:
            return True
        return isinstance(self.holidays, str) and day in _of_year(self.holidays, day.year)

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the working spans of one local day, as aware UTC times, in order."""
        if self.is_holiday(day):
            return []
        return [(self._at(day, start), self._at(day, end)) for start, end in self._week[day.weekday()]]

    def _at(self, day: date, minute: int) -> datetime:
        if minute == 1440:
            day, minute = day + timedelta(days=1), 0
        return datetime.combine(day, time(minute // 60, minute % 60), self.zone).astimezone(UTC)


def add(start: datetime, length: Duration, calendar: WorkingHours | None = None) -> datetime:
    """Return `start` plus the duration, in UTC. Raises ValueError if `start` has no zone or the calendar
    has no working time within 400 days."""
    _aware(start)
    if calendar is None:
        return (start + timedelta(seconds=length.clock_seconds)).astimezone(UTC)
    moment = start.astimezone(UTC)
    if length.working_days:
        moment = _add_days(moment, length.working_days, calendar)
    return _add_seconds(moment, length.seconds, calendar) if length.seconds else moment


def between(start: datetime, end: datetime, calendar: WorkingHours | None = None) -> int:
    """Return the whole seconds of working time from `start` to `end` (clock time without a calendar);
    0 if `end` is not later."""
    _aware(start)
    _aware(end)
    if end <= start:
        return 0
    if calendar is None:
        return int((end - start).total_seconds())
    total = timedelta()
    day, last = start.astimezone(calendar.zone).date(), end.astimezone(calendar.zone).date()
    while day <= last:
        for opens, closes in calendar.spans(day):
            total += max(timedelta(), min(closes, end) - max(opens, start))
        day += timedelta(days=1)
    return int(total.total_seconds())


def _aware(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be counted from")


def _working_days(first: date, calendar: WorkingHours) -> Iterator[list[tuple[datetime, datetime]]]:
    """Yield the spans of each day that has working time, from `first` on."""
    day, idle = first, 0
    while idle <= _LOOK_AHEAD:
        spans = calendar.spans(day)
        idle = 0 if spans else idle + 1
        if spans:
            yield spans
        day += timedelta(days=1)
    raise ValueError("the calendar has no working time within 400 days")


def _next_open(moment: datetime, calendar: WorkingHours) -> datetime:
    """Return the moment itself if it is working time, else the next opening."""
    for spans in _working_days(moment.astimezone(calendar.zone).date(), calendar):
        for opens, closes in spans:
            if moment < closes:
                return max(moment, opens)
    raise AssertionError("unreachable: _working_days raises first")


def _add_days(moment: datetime, days: int, calendar: WorkingHours) -> datetime:
    local = _next_open(moment, calendar).astimezone(calendar.zone)
    ahead = _working_days(local.date() + timedelta(days=1), calendar)
    spans = [next(ahead) for _ in range(days)][-1]
    day = spans[0][0].astimezone(calendar.zone).date()
    wanted = datetime.combine(day, local.timetz().replace(tzinfo=None), calendar.zone).astimezone(UTC)
    return min(max(wanted, spans[0][0]), spans[-1][1])


def _add_seconds(moment: datetime, seconds: int, calendar: WorkingHours) -> datetime:
    left = timedelta(seconds=seconds)
    for spans in _working_days(moment.astimezone(calendar.zone).date(), calendar):
        for opens, closes in spans:
            here = max(opens, moment)
            if closes - here >= left:
                return here + left
            left -= max(timedelta(), closes - here)
    raise AssertionError("unreachable: _working_days raises first")


@lru_cache(maxsize=256)
def _of_year(code: str, year: int) -> frozenset[date]:
    country, _, part = code.partition("-")
    return frozenset(public_holidays.country_holidays(country, subdiv=part or None, years=year))


def _week(hours: Mapping[str, str]) -> tuple[tuple[tuple[int, int], ...], ...]:
    week: list[list[tuple[int, int]]] = [[] for _ in _DAYS]
    for days, spans in hours.items():
        for index in _day_numbers(days):
            week[index].extend(_minutes(span) for span in spans.split(","))
    return tuple(tuple(sorted(day)) for day in week)


def _day_numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().lower().partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"“{text}” names no days; write mon-fri, sat or mon,wed")
        start, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        numbers.extend((start + step) % 7 for step in range((end - start) % 7 + 1))
    return numbers


def _minutes(text: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"“{text}” is not a span of hours; write it like 09:00-18:00")
    hour, minute, to_hour, to_minute = (int(part) for part in found.groups())
    start, end = hour * 60 + minute, to_hour * 60 + to_minute
    if minute > 59 or to_minute > 59 or end > 1440:
        raise ValueError(f"“{text}” is not a span of hours; write it like 09:00-18:00")
    if end <= start:
        raise ValueError(f"“{text}” ends before it starts; hours over midnight are two spans")
    return start, end


def _hours_problems(hours: Mapping[str, str]) -> list[str]:
    if not isinstance(hours, Mapping) or not hours:
        return ['a calendar needs `hours`, such as {mon-fri: "09:00-18:00"}']
    problems: list[str] = []
    for days, spans in hours.items():
        for read, text in ((_day_numbers, days), *((_minutes, span) for span in str(spans).split(","))):
            try:
                read(str(text))
            except ValueError as error:
                problems.append(str(error))
    return problems or _overlaps(hours)


def _overlaps(hours: Mapping[str, str]) -> list[str]:
    for name, spans in zip(_DAYS, _week(hours), strict=True):
        if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
            return [f"the hours of {name} overlap"]
    return []


def _holiday_problems(given: str | list[str] | None) -> list[str]:
    if isinstance(given, list):
        return [f"holiday “{day}” is not a date like 2027-02-06" for day in given if not _is_date(day)]
    if given is None:
        return []
    try:
        _of_year(given, 2026)
    except (NotImplementedError, KeyError, ValueError, AttributeError):
        return [f"“{given}” is not a country whose holidays are known; write HK, or US-CA"]
    return []


def _is_date(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(date.fromisoformat(text))
    except ValueError:
        return False
