"""A wrong clock for one process: what Python calls now is moved by the seconds in a file, which may change any time.

`datetime.now`, `date.today` and `time.time` are replaced before the product is loaded; the monotonic clock stays.
The database is another machine in this story: its clock is right.
"""

import datetime
import time
from pathlib import Path
from typing import Any

import psycopg

LOOK_AGAIN = 0.1
_real_datetime, _real_date, _real_time = datetime.datetime, datetime.date, time.time
_state: dict[str, Any] = {"file": None, "seconds": 0.0, "looked": 0.0}


def follow(file: Path) -> None:
    """From now on this process's clock is wrong by what stands in `file` (seconds)."""
    _state["file"] = file


def wrong_by() -> float:
    if _state["file"] is not None and time.monotonic() - _state["looked"] > LOOK_AGAIN:
        _state["looked"] = time.monotonic()
        try:
            _state["seconds"] = float(_state["file"].read_text())
        except (OSError, ValueError):
            _state["seconds"] = 0.0
    return float(_state["seconds"])


class _OfTime(type):
    """The replaced classes take the values that C code makes for their own."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.__mro__[1])

    def __subclasscheck__(cls, other: Any) -> bool:
        return issubclass(other, cls.__mro__[1])


class _Datetime(_real_datetime, metaclass=_OfTime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _real_datetime.now(tz) + datetime.timedelta(seconds=wrong_by())

    @classmethod
    def utcnow(cls) -> Any:
        return _real_datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=wrong_by())

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _Date(_real_date, metaclass=_OfTime):
    @classmethod
    def today(cls) -> Any:
        return _Datetime.now().date()


def replace() -> None:
    """Before anything of the product, of Django or of Celery is loaded in this process."""
    assert psycopg  # loaded with the real classes: it knows types by their class
    for ours, real in ((_Datetime, _real_datetime), (_Date, _real_date)):
        ours.__name__, ours.__qualname__, ours.__module__ = real.__name__, real.__qualname__, real.__module__
    datetime.datetime, datetime.date = _Datetime, _Date  # type: ignore[misc]
    time.time = lambda: _real_time() + wrong_by()
