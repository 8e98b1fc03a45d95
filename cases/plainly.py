"""Values as JSON that PostgreSQL stores and gives back alike, and the canonical text of such JSON.

Both are wanted for every event. Python's own writer and reader of JSON, which are in C, do it ten times faster than
a walk through the value; where they would not give the very same, the walk does it.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cases.canonical import canonical


def plain(value: Any) -> Any:
    """`value` as JSON that PostgreSQL stores and gives back alike: exact numbers, times as text, no U+0000."""
    if isinstance(value, dict | list):
        quick = _read_back(value)
        if quick is not _NEITHER:
            return quick
    return _walked(value)


def plain_text(value: Any) -> str:
    """The canonical text of `plain(value)`, which is JSON of the same value."""
    try:
        text = _as_it_is(value)
    except (ValueError, TypeError, RecursionError):
        return canonical(_walked(value))
    return canonical(_walked(value)) if _ODD.search(text) else _in_order(text)


def plain_digest(value: Any) -> str:
    """The SHA-256 of that text: what `canonical.digest` gives for `plain(value)`."""
    return hashlib.sha256(plain_text(value).encode()).hexdigest()


def canonical_text(stored: str) -> str:
    """The canonical text of stored JSON. Raises ValueError as `canonical` does."""
    text = _in_order(stored)
    return canonical(json.loads(stored)) if _ODD.search(text) else text


def _in_order(written: str) -> str:
    """The canonical text of JSON that holds nothing odd."""
    try:
        return _compact(_exactly(written))
    except _Odd:
        return canonical(json.loads(written))


def _walked(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\u2400").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {str(_walked(str(k))): _walked(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_walked(v) for v in value]
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, float):
        return value if value == value and value not in (float("inf"), float("-inf")) else str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _number(value: Decimal) -> int | float | str:
    """A JSON number that means exactly the same; text where none does (too many digits, NaN)."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else format(value, "f")


# ---------------------------------------------------------------------- by json's own writer

# Half a surrogate pair, U+0000, and what UTF-16 (RFC 8785) orders otherwise than code points do: beyond U+FFFF.
_ODD = re.compile("[\ud800-\udfff\U00010000-\U0010ffff]|\\\\u0000")
_NEITHER = object()


class _Odd(Exception):
    """A number that json writes otherwise than `canonical` does."""


def _fraction(text: str) -> int | float:
    """A number that json writes as `canonical` does."""
    number = float(text)
    if repr(number) != text or "e" in text:
        raise _Odd(text)
    return int(number) if text.endswith(".0") else number


def _other(value: Any) -> Any:
    """What json has no form for."""
    if isinstance(value, Mapping):
        return dict(value)
    return _walked(value)


_Writer = Callable[[Any], str]
_Reader = Callable[[str], Any]
_compact: _Writer = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_exactly: _Reader = json.JSONDecoder(parse_float=_fraction).decode
_as_it_is: _Writer = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_other).encode


def _read_back(value: Any) -> Any:
    """`value` written and read again: plain where nothing in it had to be changed for PostgreSQL."""
    try:
        text = _as_it_is(value)
    except (ValueError, TypeError, RecursionError):
        return _NEITHER
    if _ODD.search(text):
        return _NEITHER
    return json.loads(text)
