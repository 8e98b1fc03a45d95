"""Canonical JSON text and its SHA-256: what fingerprints and the ledger are computed over.

RFC 8785 key order and string escapes; numbers as decimal text without trailing zeros, so 100, 100.0 and
Decimal("100.00") are one value and "100" is another. Strings stay as they are: NFC differs from NFD.
Nothing here reads a clock or a database.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from uuid import UUID

_DEEPEST = 100
_SHORT = 64  # bits; such a whole number needs no Decimal
_LONGEST_NUMBER = 1_000  # digits; beyond this a number is an attack, not an amount


def canonical(value: object) -> str:
    """Return the canonical text of a JSON-like value (dates, times, UUIDs and Decimals are accepted).

    Raises ValueError for NaN, Infinity, a time without a zone, a key that is not text, text that is not
    Unicode, nesting deeper than 100, or a type that has no JSON form.
    """
    return _text(value, 0)


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical text, as 64 hexadecimal digits. Raises as `canonical` does."""
    return hashlib.sha256(canonical(value).encode("utf-8")).hexdigest()


def decimal_text(value: int | float | Decimal) -> str:
    """Return a number as plain decimal text: no exponent, no trailing zeros, no minus before zero."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and Infinity are not numbers that can be recorded")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("NaN and Infinity are not numbers that can be recorded")
    if number == 0:
        return "0"
    if abs(number.adjusted()) > _LONGEST_NUMBER or len(number.as_tuple().digits) > _LONGEST_NUMBER:
        raise ValueError("a number has more than 1,000 digits")
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(value: object, depth: int) -> str:
    if depth > _DEEPEST:
        raise ValueError("the value is nested deeper than 100 levels")
    if value is None:
        return "null"
    if isinstance(value, str):
        return string_text(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() < _SHORT:
        return int.__str__(value)
    if isinstance(value, int | float | Decimal):
        return decimal_text(value)
    if isinstance(value, Mapping):
        return _object(value, depth)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_text(item, depth + 1) for item in value) + "]"
    return string_text(_as_string(value))


def _object(value: Mapping[object, object], depth: int) -> str:
    keys: list[str] = []
    for key in value:
        if not isinstance(key, str):
            raise ValueError(f"a key is not text: {key!r}")  # noqa: TRY004  # one error class for callers
        keys.append(key)
    keys.sort(key=None if all(map(str.isascii, keys)) else _utf16)
    return "{" + ",".join(f"{string_text(key)}:{_text(value[key], depth + 1)}" for key in keys) + "}"


def _utf16(key: str) -> bytes:
    """RFC 8785 sorts by UTF-16 code units; big-endian bytes sort the same way."""
    return key.encode("utf-16-be", "surrogatepass")


def _as_string(value: object) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be recorded")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise ValueError(f"a value of the type {type(value).__name__} cannot be recorded")


def string_text(text: str) -> str:
    """Return a text as JSON. Raises ValueError for half a surrogate pair."""
    if text.isascii():
        return encode_basestring(text)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a text is not Unicode (it holds half a surrogate pair)") from error
    return encode_basestring(text)
