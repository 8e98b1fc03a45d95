"""Fills `{fact.path}` in texts and arguments. A placeholder that stands alone keeps its type.

`{{` and `}}` are plain braces. Nothing is worked out and nothing is escaped here: what a value holds is data,
and a filled value is never read for placeholders again.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from cases.canonical import canonical, decimal_text
from cases.values import UNKNOWN, dig

_PLACE = re.compile(
    r"(?P<open>\{\{)|(?P<close>\}\})|\{(?P<path>[A-Za-z_][\w#-]*(?:\.[\w#-]+|\[(?:[0-9]{1,6}|\*)\])*)\}"
)
_DEEPEST = 50


def names(thing: object) -> set[str]:
    """Return every placeholder in a text, or in the texts of nested dicts and lists: {"order.total"}."""
    if isinstance(thing, str):
        return {found["path"] for found in _PLACE.finditer(thing) if found["path"]}
    inner = thing.values() if isinstance(thing, Mapping) else thing if isinstance(thing, list | tuple) else ()
    return {name for part in inner for name in names(part)}


def fill(thing: object, values: Mapping[str, Any]) -> tuple[Any, set[str]]:
    """Return the thing with its placeholders filled, and the names that are missing, unknown or null.

    Missing ones are left as they stand. Keys of dicts are not filled. In running text a Decimal keeps its
    places ("480.00"), dates are ISO, lists are joined with commas, records are JSON.
    """
    missing: set[str] = set()
    return _fill(thing, values, missing, 0), missing


def money(amount: Decimal) -> str:
    """Return an amount with two places, without a currency: "480.00"."""
    return f"{amount:.2f}"


def written(value: object) -> str:
    """Return a value as running text has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value() and value.as_tuple().exponent == 0
        return decimal_text(value) if whole or _fine(value) else money(value)
    if isinstance(value, int | float):
        return decimal_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(written(item) for item in value if item is not None)
    return canonical(value) if isinstance(value, Mapping) else str(value)


def _fine(value: Decimal) -> bool:
    """More than two places that matter: not an amount, so nothing is rounded away."""
    return value != round(value, 2)


def _fill(thing: object, values: Mapping[str, Any], missing: set[str], depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("the value is nested deeper than 50 levels")
    if isinstance(thing, str):
        return _fill_text(thing, values, missing)
    if isinstance(thing, Mapping):
        return {key: _fill(part, values, missing, depth + 1) for key, part in thing.items()}
    if isinstance(thing, list | tuple):
        return [_fill(part, values, missing, depth + 1) for part in thing]
    return thing


def _fill_text(text: str, values: Mapping[str, Any], missing: set[str]) -> Any:
    alone = _PLACE.fullmatch(text)
    if alone and alone["path"]:
        value = _find(alone["path"], values)
        if value is UNKNOWN:
            missing.add(alone["path"])
        return text if value is UNKNOWN else value

    def put(found: re.Match[str]) -> str:
        if not found["path"]:
            return found[0][0]
        value = _find(found["path"], values)
        if value is UNKNOWN:
            missing.add(found["path"])
            return found[0]
        return written(value)

    return _PLACE.sub(put, text)


def _find(path: str, values: Mapping[str, Any]) -> object:
    """A name may itself hold dots or `#` (`steps`, `payments.refund#2`): the whole name goes first."""
    if path in values:
        return UNKNOWN if values[path] is None else values[path]
    return dig(values, path)
