"""The `format` words of JSON Schema that are checked for arguments. Pure.

Written out because jsonschema leaves a format out without a word when an optional package is missing.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime, time
from urllib.parse import urlsplit
from uuid import UUID

from jsonschema import FormatChecker

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)*")


def _date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is not None and bool(date.fromisoformat(text))


def _date_time(text: str) -> bool:
    return DATE_TIME.fullmatch(text) is not None and bool(datetime.fromisoformat(_short(text).upper()))


def _time(text: str) -> bool:
    return TIME.fullmatch(text) is not None and time.fromisoformat(_short(text).upper()) is not None


def _short(text: str) -> str:
    """Python reads at most six digits of a second."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def _uri(text: str) -> bool:
    return bool(urlsplit(text).scheme) and re.fullmatch(r"[!-~]+", text) is not None


def _uuid(text: str) -> bool:
    return str(UUID(text)) == text.lower()


CHECKS: dict[str, Callable[[str], object]] = {
    "date": _date,
    "date-time": _date_time,
    "time": _time,
    "email": lambda text: EMAIL.fullmatch(text) is not None and len(text) <= 254,
    "uri": _uri,
    "uuid": _uuid,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
}


def _checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, check in CHECKS.items():
        checker.checks(name, raises=ValueError)(_for_text(check))
    return checker


def _for_text(check: Callable[[str], object]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or bool(check(value))


FORMATS = _checker()
