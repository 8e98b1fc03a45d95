"""How two values compare: true, false, or None where nobody could say, so that a person decides.

Numbers beside numbers or plain decimal text, dates and times beside each other, yes beside true; text beside
text exactly (no case folding, NFC differs from NFD). Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from cases.canonical import canonical, decimal_text
from cases.values import UNKNOWN, local_day, moment, number, yes_no

ORDER = ("more than", "at least", "less than", "at most")
EACH = ("any of them", "all of them")
WITHOUT_VALUE = ("known", "unknown")
COMPARISONS = (
    "is",
    "is not",
    *ORDER,
    "one of",
    "none of",
    "contains",
    "starts with",
    "ends with",
    *WITHOUT_VALUE,
    *EACH,
)
_LONGEST_TEXT = 500
_MOST_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Frame:
    """The company's zone and currency, by which values are read."""

    zone: tzinfo | None
    currency: str | None


def compare(comparison: str, left: object, right: object, frame: Frame) -> bool | None:
    """Return whether it holds, or None. `known` and `unknown` are never None."""
    if comparison in WITHOUT_VALUE:
        return (left is UNKNOWN) == (comparison == "unknown")
    if left is UNKNOWN or right is UNKNOWN:
        return None
    if comparison in EACH:
        return _each(comparison, left, right, frame)
    if comparison in ORDER:
        return _ordered(comparison, left, right, frame)
    if comparison in ("is", "is not"):
        return _turned(same(left, right, frame), comparison == "is not")
    if comparison in ("one of", "none of"):
        return _turned(_among(left, right, frame), comparison == "none of")
    if comparison == "contains" and isinstance(left, list | tuple):
        return _among(right, left, frame)
    if not isinstance(left, str) or not isinstance(right, str):
        return None
    if comparison == "contains":
        return right in left
    return left.startswith(right) if comparison == "starts with" else left.endswith(right)


def same(left: object, right: object, frame: Frame) -> bool | None:
    """Return whether the two are the same value, or None where they are not of comparable kinds."""
    if left is UNKNOWN or right is UNKNOWN or left is None or right is None:
        return None
    if isinstance(left, bool) or isinstance(right, bool):
        one, two = yes_no(left), yes_no(right)
        return None if one is UNKNOWN or two is UNKNOWN else one == two
    if _is_number(left) or _is_number(right) or _is_date(left) or _is_date(right):
        order = _order(left, right, frame)
        return None if order is None else order == 0
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return _same_lists(left, right, frame)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return _same_records(left, right)
    left, right = (str(side) if isinstance(side, UUID) else side for side in (left, right))
    return left == right if isinstance(left, str) and isinstance(right, str) else None


def plain(value: object) -> Any:
    """Return a value for the record: numbers as decimal text, times ISO, long texts and lists cut."""
    if value is None or value is UNKNOWN or isinstance(value, bool):
        return None if value is UNKNOWN else value
    if isinstance(value, int | float | Decimal):
        try:
            return decimal_text(value)
        except ValueError:
            return str(value)[:_LONGEST_TEXT]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in list(value)[:_MOST_ITEMS]}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value[:_MOST_ITEMS]]
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"


def _turned(truth: bool | None, turn: bool) -> bool | None:
    return None if truth is None else truth != turn


def _is_number(value: object) -> bool:
    amount = isinstance(value, Mapping) and set(value) == {"amount", "currency"}
    return amount or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _is_date(value: object) -> bool:
    return isinstance(value, date)  # a datetime is one too


def _ordered(comparison: str, left: object, right: object, frame: Frame) -> bool | None:
    order = _order(left, right, frame)
    if order is None:
        return None
    held = {"more than": order > 0, "at least": order >= 0, "less than": order < 0, "at most": order <= 0}
    return held[comparison]


def _order(left: object, right: object, frame: Frame) -> int | None:
    """-1, 0 or 1, or None. Two texts have an order if both are numbers, or both are dates or times."""
    one, two = number(left, frame.currency), number(right, frame.currency)
    if one is not UNKNOWN and two is not UNKNOWN:
        return (one > two) - (one < two)
    if one is not UNKNOWN or two is not UNKNOWN or _is_number(left) or _is_number(right):
        return None
    return _order_of_times(left, right, frame)


def _order_of_times(left: object, right: object, frame: Frame) -> int | None:
    """A date beside a time is compared by the company's day: 10:00 on the 5th is not after the 5th."""
    one, two = moment(left, frame.zone), moment(right, frame.zone)
    if one is UNKNOWN or two is UNKNOWN:
        return None
    if isinstance(one, datetime) and isinstance(two, datetime):
        return (one > two) - (one < two)
    if isinstance(one, datetime) or isinstance(two, datetime):
        if frame.zone is None:
            return None
        one = local_day(one, frame.zone) if isinstance(one, datetime) else one
        two = local_day(two, frame.zone) if isinstance(two, datetime) else two
        if one is UNKNOWN or two is UNKNOWN:
            return None
    return (one > two) - (one < two)


def _among(item: object, items: object, frame: Frame) -> bool | None:
    if not isinstance(items, list | tuple):
        return None
    found = [same(item, one, frame) for one in items]
    return True if True in found else None if None in found else False


def _each(comparison: str, left: object, right: object, frame: Frame) -> bool | None:
    """`right` is a list (each item is one of them) or `{is, value}`. Of no items, all hold and none does."""
    if not isinstance(left, list | tuple):
        return None
    inner, value = "one of", right
    if isinstance(right, Mapping):
        inner, value = str(right.get("is")), right.get("value")
    elif not isinstance(right, list | tuple):
        inner = "is"
    if inner not in COMPARISONS or inner in EACH or value is None:
        return None
    found = [compare(inner, UNKNOWN if item is None else item, value, frame) for item in left]
    if comparison == "any of them":
        return True if True in found else None if None in found else False
    return False if False in found else None if None in found else True


def _same_lists(left: Sequence[Any], right: Sequence[Any], frame: Frame) -> bool | None:
    if len(left) != len(right):
        return False
    found = [same(one, two, frame) for one, two in zip(left, right, strict=True)]
    return False if False in found else None if None in found else True


def _same_records(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool | None:
    try:
        return canonical(left) == canonical(right)
    except ValueError:
        return None
