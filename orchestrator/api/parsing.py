"""Reads a JSON body strictly: size, depth, doubles, numbers and characters are checked before anything else
looks.

What cannot be stored or compared exactly is refused with words (U+0000, lone surrogates, NaN, numbers of 40
digits).
"""

import json
import re
from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from orchestrator.api.errors import BadRequest, TooLarge

MAX_BYTES: Final = 700_000  # a text of 100,000 characters fits, also when each is written as \uXXXX
MAX_DEPTH: Final = 30
MAX_MEMBERS: Final = 10_000
MAX_DIGITS: Final = 30
SMALLEST, LARGEST = -324, 308  # powers of ten that a double has
# A text that nothing ends is taken whole: it is looked through once, however many quotes stand in it.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def sent(request: HttpRequest) -> bytes:
    """The body as it was sent, at most one byte more than is taken. Raises `BadRequest`.

    Not every body names its length: it may come in pieces, or by HTTP/2. Under WSGI Django then hands over nothing, and
    what was sent would be taken for an empty body; it is read where the server itself says where it ends.
    """
    there = request.META
    source: Any = request
    if "wsgi.input" in there and not there.get("CONTENT_LENGTH"):
        if there.get("wsgi.input_terminated"):
            source = there["wsgi.input"]
        elif there.get("HTTP_TRANSFER_ENCODING"):
            raise BadRequest
    body: bytes = source.read(MAX_BYTES + 1)
    return body


def parse(body: bytes) -> Any:
    """`body` as Python values, checked. Raises `TooLarge` or `BadRequest`."""
    if len(body) > MAX_BYTES:
        raise TooLarge(_("The body is larger than %(n)s bytes. Nothing was changed.") % {"n": MAX_BYTES})
    _check_depth(body)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            _("The body is not UTF-8 (at byte %(n)s). Nothing was changed.") % {"n": error.start}
        ) from error
    reader = _Reader()
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.members,
            parse_float=_decimal,
            parse_int=_whole,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise BadRequest(
            _("The body is not JSON: line %(line)s, column %(column)s. Nothing was changed.")
            % {"line": error.lineno, "column": error.colno}
        ) from error
    except RecursionError as error:  # the depth was counted; this is the belt
        raise _too_deep() from error
    check_characters(value)
    return value


def check_characters(value: Any, where: str = "") -> None:
    """Refuse what PostgreSQL or UTF-8 cannot hold, in keys as well. Raises `BadRequest` naming the place."""
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key, where)
            check_characters(inner, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_characters(inner, f"{where}[{index}]")


def _check_text(text: str, where: str) -> None:
    if "\x00" in text:
        raise BadRequest(
            _("There is a character U+0000 in %(where)s. Nothing was changed.") % {"where": _place(where)},
            where=where,
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest(
            _("There is half a character (a lone surrogate) in %(where)s. Nothing was changed.")
            % {"where": _place(where)},
            where=where,
        ) from None


def _place(where: str) -> str:
    return f"`{where}`" if where else _("the body")


class _Reader:
    """Builds objects, refuses doubled keys and counts members over the whole body."""

    def __init__(self) -> None:
        self.seen = 0

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.seen += len(pairs)
        if self.seen > MAX_MEMBERS:
            raise BadRequest(_("The body has more than %(n)s keys. Nothing was changed.") % {"n": MAX_MEMBERS})
        made = dict(pairs)
        if len(made) != len(pairs):
            names = [key for key, _value in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            check_characters(twice)
            raise BadRequest(_("The key `%(key)s` stands twice. Nothing was changed.") % {"key": twice[:100]})
        return made


def _check_depth(body: bytes) -> None:
    depth = 0
    for found in _TOKENS.finditer(body):
        mark = found.group()[:1]
        if mark in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _too_deep()
        elif mark in b"]}":
            depth -= 1


def _too_deep() -> BadRequest:
    return BadRequest(_("The body is nested deeper than %(n)s levels. Nothing was changed.") % {"n": MAX_DEPTH})


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadRequest(_("A number has more than %(n)s digits. Nothing was changed.") % {"n": MAX_DIGITS})
    return int(text)


def _decimal(text: str) -> Decimal:
    number = Decimal(text) if len(text) <= MAX_DIGITS + 10 else None
    if number is None or not SMALLEST <= number.adjusted() <= LARGEST:
        raise BadRequest(_("A number is too long, too large or too small. Nothing was changed."))
    return number


def _no_constant(name: str) -> Any:
    raise BadRequest(_("%(name)s is not a number here. Nothing was changed.") % {"name": name})
