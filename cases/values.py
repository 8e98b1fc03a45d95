"""Values as rules see them: the one UNKNOWN, numbers, money, dates, and paths into records.

Every function here gives the right value or UNKNOWN, never a guess: a person decides what is unknown.
No queries, no clock; zone and currency are the company's and come in.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from functools import lru_cache
from typing import Final

from cases.calendars import duration as read_duration
from cases.canonical import decimal_text


class Unknown(Enum):
    """The type of UNKNOWN. It has no truth: `if value:` on it raises, so nobody takes it for false."""

    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("UNKNOWN is neither true nor false; compare with `is UNKNOWN`")

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN

KINDS = ("text", "number", "money", "date", "time", "duration", "yes_no", "list", "record")

# ASCII digits only: Python's Decimal would read full-width digits and other scripts as well.
_PLAIN = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_STEP = re.compile(r"([^.\[\]{}\s]+)|\[(\*|[0-9]{1,6})\]")
_WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})
_YES = frozenset({"yes", "true", "y", "是", "有"})
_NO = frozenset({"no", "false", "n", "否", "沒有"})


def number(value: object, currency: str | None = None) -> Decimal | Unknown:
    """Return the value as an exact Decimal, or UNKNOWN.

    A number, or text that is a plain decimal in ASCII ("480.00"), is one; so is `{amount, currency}` when
    the currency is the company's. True, NaN, "HK$500", full-width digits, lists and null are UNKNOWN.
    """
    if isinstance(value, bool):
        return UNKNOWN
    if isinstance(value, int):
        return Decimal(value) if value.bit_length() < 1_000 else UNKNOWN
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else UNKNOWN
    if isinstance(value, Decimal):
        return value if value.is_finite() and abs(value.adjusted()) < 400 else UNKNOWN
    if isinstance(value, str):
        return Decimal(value) if _PLAIN.fullmatch(value) else UNKNOWN
    if isinstance(value, Mapping) and set(value) == {"amount", "currency"}:
        amount, ours = value["amount"], currency is not None and value["currency"] == currency
        return number(amount) if ours and not isinstance(amount, Mapping) else UNKNOWN
    return UNKNOWN


def moment(value: object, zone: tzinfo | None) -> datetime | date | Unknown:
    """Return a time (aware, UTC), a date, or UNKNOWN. A time without a zone is in `zone`."""
    if isinstance(value, datetime):
        return _in_utc(value, zone)
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return UNKNOWN
    try:
        if _DATE.fullmatch(value):
            return date.fromisoformat(value)
        if _TIME.fullmatch(value):
            return _in_utc(datetime.fromisoformat(value), zone)
    except ValueError:
        return UNKNOWN
    return UNKNOWN


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the start of a local day, as a UTC time. Raises OverflowError where that is in no year there is."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(at: datetime, zone: tzinfo) -> date | Unknown:
    """Return the day of a time in that zone; UNKNOWN where that is in no year there is."""
    try:
        return at.astimezone(zone).date()
    except OverflowError:
        return UNKNOWN


def check_path(path: str) -> None:
    """Raise ValueError unless the path reads like `a.b[0].c` or `flights[*].status`."""
    _steps(path)


def dig(value: object, path: str) -> object:
    """Return what stands at the path, or UNKNOWN if it is not there or null.

    `[*]` goes into every item and gives one flat list; a single item without the rest of the path makes
    the whole list UNKNOWN. Raises ValueError for a path that is none.
    """
    return _walk(value, _steps(path))


def coerce(value: object, kind: str, zone: tzinfo, currency: str) -> object:
    """Return the value as a fact of that kind, or UNKNOWN (null is UNKNOWN).

    number: Decimal · money: Decimal, rounded half up to the currency's cents · date: date · time: UTC
    datetime · duration: seconds (int) · yes_no: bool · list · record: dict · text: str (blank is UNKNOWN).
    Raises ValueError for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"“{kind}” is not a kind of fact; use one of {', '.join(KINDS)}")
    if value is None or value is UNKNOWN:
        return UNKNOWN
    if kind == "list":
        return list(value) if isinstance(value, list | tuple) else UNKNOWN
    if kind == "record":
        return dict(value) if isinstance(value, Mapping) else UNKNOWN
    if kind in ("number", "money"):
        return _amount(value, kind, currency)
    if kind in ("date", "time"):
        return _day_or_time(value, kind, zone)
    return {"text": _text, "duration": _duration, "yes_no": yes_no}[kind](value)


def yes_no(value: object) -> bool | Unknown:
    """Return True or False for a bool, 1, 0, or the words yes, no, true, false, 是, 否; else UNKNOWN."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return bool(value) if value in (0, 1) else UNKNOWN
    word = value.strip().casefold() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else UNKNOWN


@lru_cache(maxsize=4_096)
def _steps(path: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    at = 0
    if not isinstance(path, str) or not path or len(path) > 300:
        raise ValueError(f"“{path}” is not a path; write it like a.b[0].c")
    while at < len(path):
        if at and path[at] == ".":
            at += 1
        elif at and path[at] != "[":
            raise ValueError(f"“{path}” is not a path; write it like a.b[0].c")
        found = _STEP.match(path, at)
        if not found or (found[2] and path[at - 1] == "."):
            raise ValueError(f"“{path}” is not a path; write it like a.b[0].c")
        steps.append(found[1] if found[1] else "*" if found[2] == "*" else int(found[2]))
        if found[1] == "*":
            raise ValueError(f"“{path}” is not a path; write [*] for every item")
        at = found.end()
    return tuple(steps)


def _walk(value: object, steps: tuple[str | int, ...]) -> object:
    for index, step in enumerate(steps):
        if step == "*":
            return _every(value, steps[index + 1 :])
        if isinstance(step, int):
            if not isinstance(value, list | tuple) or step >= len(value):
                return UNKNOWN
            value = value[step]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return UNKNOWN
    return UNKNOWN if value is None else value


def _every(value: object, rest: tuple[str | int, ...]) -> object:
    if not isinstance(value, list | tuple):
        return UNKNOWN
    flat: list[object] = []
    for item in value:
        found = _walk(item, rest)
        if found is UNKNOWN:
            return UNKNOWN
        flat.extend(found) if isinstance(found, list | tuple) else flat.append(found)
    return flat


def _in_utc(value: datetime, zone: tzinfo | None) -> datetime | Unknown:
    if value.tzinfo is None:
        if zone is None:
            return UNKNOWN
        value = value.replace(tzinfo=zone)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return UNKNOWN


def _amount(value: object, kind: str, currency: str) -> Decimal | Unknown:
    read = number(value, currency)
    if read is UNKNOWN or kind == "number":
        return read
    if read.adjusted() > 20:
        return UNKNOWN
    return read.quantize(Decimal(1) if currency in _WITHOUT_CENTS else Decimal("0.01"), ROUND_HALF_UP)


def _day_or_time(value: object, kind: str, zone: tzinfo) -> datetime | date | Unknown:
    read = moment(value, zone)
    if read is UNKNOWN:
        return UNKNOWN
    if isinstance(read, datetime):
        return read if kind == "time" else local_day(read, zone)
    return _in_utc(datetime.combine(read, time()), zone) if kind == "time" else read


def _text(value: object) -> str | Unknown:
    if isinstance(value, str):
        return value if value.strip() else UNKNOWN
    if isinstance(value, date):
        return value.isoformat()
    read = number(value) if isinstance(value, int | float | Decimal) else UNKNOWN
    return UNKNOWN if read is UNKNOWN else decimal_text(read)


def _duration(value: object) -> int | Unknown:
    if isinstance(value, str):
        try:
            return read_duration(value).clock_seconds
        except ValueError:
            pass
    read = number(value)
    if read is UNKNOWN or read < 0 or read != read.to_integral_value() or read.adjusted() > 12:
        return UNKNOWN
    return int(read)
