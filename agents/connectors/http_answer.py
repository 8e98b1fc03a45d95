"""From the bytes that came back to an `Answer`. Pure: what a status means, where the useful part stands, what
went wrong.

The one rule behind it: a write is `failed` only if the system said that it was not done. All else that is not
a readable success is `unknown`.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from django.utils.translation import gettext as _

from agents.connectors.base import Answer, visible
from agents.connectors.credentials import Credential
from cases.values import UNKNOWN, check_path, dig

MOST_BYTES = 5_000_000
DEEPEST = 64
LONGEST_NUMBER = 400
"""Longer numbers, and larger exponents, do not fit into PostgreSQL's JSON."""

MOVED_NOT_DONE = {301, 307, 308}
NOT_DONE_YET = {429, 503}
READ_AGAIN = {408, 425, 429, 500, 502, 503, 504}
ODD_ESCAPE = re.compile(r"\\u(0000|d[89a-f])", re.IGNORECASE)


class Unreadable(Exception):
    """The answer cannot be understood."""


@dataclass(frozen=True)
class Received:
    """What came back: `broken` says in words why the body is not whole, if it is not."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    broken: str = ""


def answer_of(
    received: Received,
    *,
    read: bool,
    shape: Mapping[str, Any],
    credential: Credential,
    now: datetime,
    seconds: float,
) -> Answer:
    """The `Answer` to a read or a write. `shape` is the system's `answer` of the map ({result, error,
    parse})."""
    if 200 <= received.status < 300:
        return _answer_of_success(received, read=read, shape=shape, credential=credential, seconds=seconds)
    asked = retry_after(received.headers, now) if received.status in READ_AGAIN else None
    return Answer(
        ok=False,
        outcome="failed" if read or _says_not_done(received.status) else "unknown",
        status=received.status,
        error=_words_of(received, shape, credential),
        retry_after=asked,
        retryable=received.status in (READ_AGAIN if read else NOT_DONE_YET),
        seconds=seconds,
    )


def _says_not_done(status: int) -> bool:
    return 400 <= status < 500 or status in MOVED_NOT_DONE or status in NOT_DONE_YET


def _answer_of_success(
    received: Received, *, read: bool, shape: Mapping[str, Any], credential: Credential, seconds: float
) -> Answer:
    status = received.status
    try:
        data, error = useful_part(_value_of(received, credential), shape)
    except Unreadable as problem:
        words = _("The answer cannot be read: %(why)s") % {"why": problem}
        return Answer(False, "failed" if read else "unknown", status, error=words, seconds=seconds)
    if error is None:
        return Answer(True, "done", status, data, seconds=seconds)
    words = visible(error)
    if data is None or data is UNKNOWN or read:
        return Answer(False, "failed", status, error=words, seconds=seconds)
    words = _("The system gave a result and an error: %(error)s") % {"error": words}
    return Answer(False, "unknown", status, error=words, seconds=seconds)


def useful_part(value: object, shape: Mapping[str, Any]) -> tuple[object, object]:
    """The result and the error (None: no error) that stand in `value`. Raises Unreadable if neither is where
    it should be.

    `parse: json` means that the result is text which holds JSON itself.
    """
    if value is None:
        return None, None
    error = _at(value, shape.get("error")) if shape.get("error") else UNKNOWN
    is_error = error is not UNKNOWN and error is not None and error not in ("", 0, [], {})
    data = _at(value, shape["result"]) if shape.get("result") else UNKNOWN if is_error else value
    if is_error:
        return data, error
    if data is UNKNOWN:
        raise Unreadable(_("there is nothing at %(path)s") % {"path": shape["result"]})
    if shape.get("parse") == "json" and isinstance(data, str):
        data = read_json(data)
    return data, None


def problems_of_shape(shape: Mapping[str, Any]) -> list[str]:
    """What is wrong with the `answer` of a system as written in the map."""
    unknown = sorted(set(shape) - {"result", "error", "parse"})
    if unknown:
        return [_("answer: unknown key %(key)s.") % {"key": unknown[0]}]
    if shape.get("parse") not in {None, "json"}:
        return [_("answer: parse can only be json.")]
    try:
        for key in {"result", "error"} & set(shape):
            check_path(shape[key])
    except ValueError as problem:
        return [_("answer: %(problem)s.") % {"problem": problem}]
    return []


def _at(value: object, path: Any) -> object:
    """What stands at `path`; null as None where `dig` does not tell it from absence."""
    found = dig(value, path)
    if found is not UNKNOWN:
        return found
    before, _dot, last = str(path).rpartition(".")
    holder = dig(value, before) if before else value
    return None if isinstance(holder, Mapping) and last in holder else UNKNOWN


def read_json(text: str) -> object:
    """The value of a JSON text: fractions as Decimal, U+0000 and half characters replaced. Raises Unreadable.

    Both cannot be stored in PostgreSQL, and no system means them.
    """
    try:
        value = json.loads(text, parse_float=_fraction, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_("it is not JSON")) from error
    if _is_deeper(value, DEEPEST):
        raise Unreadable(_("it is nested too deeply"))
    return _cleaned(value) if ODD_ESCAPE.search(text) else value


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds of a Retry-After header (a number or a date), or None. `now` is used for a date."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body without its compression, for servers that compress unasked. Raises Unreadable, also above the
    size limit."""
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise Unreadable(_("it is compressed in an unknown way"))
    machine = zlib.decompressobj(wbits=47)
    try:
        plain = machine.decompress(body, MOST_BYTES + 1)
    except zlib.error as error:
        raise Unreadable(_("its compression is broken")) from error
    if len(plain) > MOST_BYTES:
        raise Unreadable(_("it is too big"))
    if not machine.eof:
        raise Unreadable(_("its compression is broken"))
    return plain


def _value_of(received: Received, credential: Credential) -> object:
    if received.broken:
        raise Unreadable(received.broken)
    body = unpacked(received.body, received.headers.get("content-encoding", "").strip().lower())
    if not body.strip():
        return None
    return read_json(credential.hide_in(_text_of(body)))


def _text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_("it is not UTF-8")) from error


def _words_of(received: Received, shape: Mapping[str, Any], credential: Credential) -> str:
    try:
        said = visible(_error_in(_value_of(received, credential), shape))
    except Unreadable:
        said = ""
    if not said:
        return _("The system answered %(status)s.") % {"status": received.status}
    words = _("The system answered %(status)s: %(said)s") % {"status": received.status, "said": said}
    return visible(words)


def _error_in(value: object, shape: Mapping[str, Any]) -> object:
    paths = [str(shape["error"])] if shape.get("error") else []
    for path in [*paths, "error.message", "message", "detail", "error", "title"]:
        found = dig(value, path) if isinstance(value, dict) else UNKNOWN
        if isinstance(found, str | int | Decimal) and not isinstance(found, bool) and found != "":
            return found
    return ""


def _fraction(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(text[:20])
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text[:20]) from error
    if abs(number.adjusted()) > LONGEST_NUMBER:
        raise ValueError(text[:20])
    return number


def _no_constant(text: str) -> object:
    raise ValueError(text)


def _is_deeper(value: object, most: int) -> bool:
    level: list[object] = [value]
    for _depth in range(most):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, list):
        return [_cleaned(inner) for inner in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
    return value
