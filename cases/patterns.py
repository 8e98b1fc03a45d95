"""Patterns that admins write: google-re2 only, bounded in size, text, matches and time.

Python's own `re` never sees such a pattern: it can take exponential time. `\\b` and `\\d` are ASCII here, so
an order number inside Chinese text is found.
"""

from functools import lru_cache
from time import thread_time
from typing import Any

import re2
from django.utils.translation import gettext as _

from cases.values import UNKNOWN, Unknown

LONGEST_PATTERN = 500  # characters
LONGEST_TEXT = 200_000  # characters
MOST_MATCHES = 1_000
_LARGEST_PROGRAM = 1_000  # RE2 instructions
# The slow path of RE2 takes about 12 ns for each instruction and byte, so one search stays under 80 ms.
_MOST_WORK = 6_000_000
_MOST_SECONDS = 0.08  # of this thread's processor time, for all searches together
_COMPILE_MEMORY = 1 << 19
_MATCH_MEMORY = 8 << 20  # less makes RE2 fall back to its slow path


def check(pattern: str) -> str | None:
    """Return what is wrong with the pattern in words, or None."""
    if not isinstance(pattern, str) or not pattern:
        return _("A pattern is needed.")
    if len(pattern) > LONGEST_PATTERN:
        return _("The pattern is longer than 500 characters.")
    try:
        probe = re2.compile(pattern, _options(_COMPILE_MEMORY))
    except (re2.error, UnicodeEncodeError) as error:
        return _("The pattern cannot be read: %(why)s") % {"why": _why(error)}
    if _size(probe) > _LARGEST_PROGRAM:
        return _("The pattern is too large; use smaller repeats.")
    return None


def find_all(pattern: str, text: str) -> list[str] | Unknown:
    """Return every match in order; the first group, if there is one, is the value.

    UNKNOWN if the text has more than 200,000 characters, matches more than 1,000 times, or is too much
    work for the pattern: a list cut short could hide the one match that a rule is about.
    Raises ValueError for a pattern that `check` refuses.
    """
    compiled = _compiled(pattern)
    if len(text) > LONGEST_TEXT:
        return UNKNOWN
    return _matches(compiled, text)


def find_first(pattern: str, text: str) -> str | Unknown:
    """Return the first match, or UNKNOWN. A long text is read from its beginning, as far as the pattern
    allows in bounded time (200,000 bytes and less). Raises as `find_all` does."""
    compiled = _compiled(pattern)
    data = text[:LONGEST_TEXT].encode("utf-8", "replace")[: min(LONGEST_TEXT, _MOST_WORK // _size(compiled))]
    match = compiled.search(data)
    value = None if match is None else _value(compiled, match)
    return UNKNOWN if value is None else value


def _matches(compiled: Any, text: str) -> list[str] | Unknown:
    """Each search may read to the end of the text, so all of them together have one time limit too."""
    data = text.encode("utf-8", "replace")
    if _size(compiled) * len(data) > _MOST_WORK:
        return UNKNOWN
    found: list[str] = []
    at, stop = 0, thread_time() + _MOST_SECONDS
    while at <= len(data) and (match := compiled.search(data, at)) is not None:
        value = _value(compiled, match)
        found.extend([] if value is None else [value])
        if len(found) > MOST_MATCHES or thread_time() > stop:
            return UNKNOWN
        at = match.end() if match.end() > match.start() else _next_character(data, match.end())
    return found


def _value(compiled: Any, match: Any) -> str | None:
    value = match.group(1) if compiled.groups else match.group()
    return None if value is None else value.decode("utf-8", "replace")


def _next_character(data: bytes, at: int) -> int:
    at += 1
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at += 1
    return at


def _compiled(pattern: str) -> Any:
    problem, compiled = _ready(pattern)
    if problem is not None:
        raise ValueError(problem)
    return compiled


@lru_cache(maxsize=512)
def _ready(pattern: str) -> tuple[str | None, Any]:
    problem = check(pattern)
    return (problem, None) if problem else (None, re2.compile(pattern, _options(_MATCH_MEMORY)))


def _size(compiled: Any) -> int:
    return max(1, int(compiled.programsize))


def _options(memory: int) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    return options


def _why(error: Exception) -> str:
    first = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
