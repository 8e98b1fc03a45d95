"""Lists in pages: `{results, next, previous}`. A cursor names the row at the edge, so pages never skip or
repeat one.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from cases.errors import Incorrect
from orchestrator.api.calls import Answer, Call


@dataclass(frozen=True, slots=True)
class Key:
    """One field that a list is ordered by, and how its value is read back from a cursor."""

    field: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def whole(name: str) -> Key:
    return Key(name, _whole)


def time_of(name: str) -> Key:
    return Key(name, _time, lambda at: f"{int(at.timestamp())}:{at.microsecond}")


def uuid_of(name: str) -> Key:
    return Key(name, uuid.UUID)


def page(
    call: Call,
    rows: QuerySet[Any],
    keys: Sequence[Key],
    show: Callable[[list[Any]], list[Any]],
    *,
    newest: bool = True,
) -> Answer:
    """One page of `rows`, ordered by `keys` (together unique), `newest` first; `show` makes them JSON."""
    size = call.query["limit"]
    past, back = past_cursor(call, keys, newest=newest)
    edge = bool(call.query.get("cursor"))
    rows = rows.filter(past).order_by(*[f"-{key.field}" if newest != back else key.field for key in keys])
    found = list(rows[: size + 1])
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    after, before = (edge, more) if back else (more, edge)
    return Answer(
        {
            "results": show(found),
            "next": _link(call, "n", keys, found[-1]) if found and after else None,
            "previous": _link(call, "p", keys, found[0]) if found and before else None,
        }
    )


def past_cursor(call: Call, keys: Sequence[Key], *, newest: bool = True) -> tuple[Q, bool]:
    """Rows past the call's cursor as a condition, and whether it leads back. Raises `Incorrect`."""
    back, edge = _read(call.query.get("cursor", ""), keys)
    return (_beyond(keys, edge, "lt" if newest != back else "gt") if edge else Q()), back


def _beyond(keys: Sequence[Key], edge: Sequence[Any], side: str) -> Q:
    """Rows past the edge: `(a, b) < (x, y)` written out."""
    condition, same = Q(), Q()
    for key, value in zip(keys, edge, strict=True):
        condition |= same & Q(**{f"{key.field}__{side}": value})
        same &= Q(**{key.field: value})
    return condition


def _link(call: Call, way: str, keys: Sequence[Key], row: Any) -> str:
    cursor = ".".join([way, *[key.write(getattr(row, key.field)) for key in keys]])
    query = call.request._request.GET.copy()
    query["cursor"] = cursor
    return call.address(f"{call.request.path}?{query.urlencode()}")


def _read(cursor: str, keys: Sequence[Key]) -> tuple[bool, list[Any]]:
    if not cursor:
        return False, []
    way, *parts = cursor.split(".")
    if way not in {"n", "p"} or len(parts) != len(keys):
        raise _no_cursor()
    try:
        return way == "p", [key.read(part) for key, part in zip(keys, parts, strict=True)]
    except (ValueError, OverflowError, OSError) as error:
        raise _no_cursor() from error


def _no_cursor() -> Incorrect:
    return Incorrect(
        _("This cursor is not one of ours. Start again without it. Nothing was changed."), fields={"cursor": []}
    )


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(text)
    return int(text)


def _time(text: str) -> datetime:
    seconds, _colon, micros = text.partition(":")
    if len(seconds) > 10 or len(micros) > 6:
        raise ValueError(text)
    return datetime.fromtimestamp(_whole(seconds), UTC).replace(microsecond=_whole(micros))
