"""Typed entry fields for an operation's arguments, made from its JSON schema, and reading them back. Pure.

Types survive: a number comes back as a number, a tick as true or false, never all as text. What does not fit
is an error at its field, with what was typed kept.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from agents import schemas
from cases.wording import argument as named
from cases.wording import money as written

LONG_TEXT = {"text", "body", "message", "note", "content", "reply"}


@dataclass
class Box:
    """One field. `kind`: `text`, `long`, `number`, `yes_no`, `choice`, `date` or `json`."""

    name: str
    argument: str
    title: str
    kind: str
    value: Any = ""
    choices: list[str] = field(default_factory=list)
    hint: str = ""
    required: bool = False
    error: str = ""
    currency: str = ""  # of an amount of money


def entries(
    schema: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    prefix: str = "",
    only: Iterable[str] | None = None,
    money: str = "",
    currency: str = "",
) -> list[Box]:
    """Fields for the schema's properties (or for `only` some of them), filled with `values`.

    `money`: the argument that is an amount, in `currency`.
    """
    properties: Mapping[str, Any] = schema.get("properties") or {}
    names = [name for name in (properties if only is None else only) if name in properties]
    required = set(schema.get("required") or [])
    return [
        Box(
            name=f"{prefix}{name}",
            argument=name,
            title=str(properties[name].get("title") or named(name)),
            kind=_kind(name, properties[name]),
            value=_shown(values.get(name), _kind(name, properties[name])),
            choices=[str(choice) for choice in properties[name].get("enum", [])],
            hint=_hint(properties[name], currency if name == money else ""),
            required=name in required,
            currency=currency if name == money else "",
        )
        for name in names
    ]


def read(fields: list[Box], posted: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The typed values of `fields` in `posted`, without empty optional ones; errors stand at their fields."""
    properties: Mapping[str, Any] = schema.get("properties") or {}
    found: dict[str, Any] = {}
    for entry in fields:
        text = str(posted.get(entry.name, ""))
        entry.value = text if entry.kind != "yes_no" else entry.name in posted
        if entry.kind == "yes_no":
            found[entry.argument] = entry.name in posted
            continue
        if not text.strip():
            if entry.required:
                entry.error = _("%(name)s is needed.") % {"name": entry.title}
            continue
        try:
            found[entry.argument] = _typed(text, entry.kind, properties.get(entry.argument, {}))
        except ValueError:
            entry.error = _wanted(entry)
    return found


def problems(fields: list[Box], schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the schema has against `arguments` as a whole: at which of `fields` or '', and in words; it stands there."""
    by_argument = {entry.argument: entry for entry in fields}

    def limit(argument: str, wanted: Any) -> Any:
        entry = by_argument.get(argument)
        return _figure(wanted, entry.currency if entry else "") if _is_number(wanted) else wanted

    found = schemas.located(schema, arguments, named=lambda name: _title(by_argument, name), limit=limit)
    for argument, words in found:
        if argument in by_argument:
            by_argument[argument].error = words
    return [(by_argument[argument].name if argument in by_argument else "", words) for argument, words in found]


def _title(by_argument: Mapping[str, Box], name: str) -> str:
    return by_argument[name].title if name in by_argument else named(name)


def number(text: str) -> int | float:
    """A number as a person types it: `1,480.50`, `HK$300`, `300`. Raises ValueError for anything else."""
    plain = text.strip().removeprefix("HK$").removeprefix("$").replace(",", "").strip()
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        raise ValueError(text) from None
    if not plain.isascii() or not amount.is_finite() or "e" in plain.lower() or "_" in plain:
        raise ValueError(text)
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _kind(name: str, part: Mapping[str, Any]) -> str:
    type_ = part.get("type")
    if isinstance(type_, list) and len(given := [one for one in type_ if one != "null"]) == 1:
        type_ = given[0]
    if part.get("enum"):
        return "choice"
    if type_ in ("number", "integer"):
        return "number"
    if type_ == "boolean":
        return "yes_no"
    if type_ in ("object", "array") or isinstance(type_, list):
        return "json"
    if part.get("format") == "date":
        return "date"
    return "long" if name in LONG_TEXT or int(part.get("maxLength") or 0) > 200 else "text"


def _typed(text: str, kind: str, part: Mapping[str, Any]) -> Any:
    if kind == "number":
        amount = number(text)
        if part.get("type") == "integer" and not isinstance(amount, int):
            raise ValueError(text)
        return amount
    if kind == "choice":
        return next(choice for choice in [*part["enum"], text] if str(choice) == text)
    if kind == "json":
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError(text) from None
    return text.replace("\r\n", "\n")


def _wanted(entry: Box) -> str:
    if entry.kind == "number":
        return _("%(name)s must be a number, for example 300 or 300.50.") % {"name": entry.title}
    return _("%(name)s cannot be read. Write it as JSON.") % {"name": entry.title}


def _hint(part: Mapping[str, Any], currency: str) -> str:
    words = [str(part["description"])] if part.get("description") else []
    if "maximum" in part:
        words.append(_("up to %(most)s") % {"most": _figure(part["maximum"], currency)})
    if "minimum" in part:
        words.append(_("at least %(least)s") % {"least": _figure(part["minimum"], currency)})
    if "exclusiveMinimum" in part:
        words.append(_("more than %(least)s") % {"least": _figure(part["exclusiveMinimum"], currency)})
    return ", ".join(words)


def _is_number(limit: Any) -> bool:
    return isinstance(limit, int | float | Decimal) and not isinstance(limit, bool)


def _figure(limit: Any, currency: str) -> str:
    """`1,000,000`: thousands are set apart; of money `HK$1,000,000.00`."""
    if currency:
        return written(limit, currency)
    return f"{limit:,}" if _is_number(limit) else str(limit)


def _shown(value: Any, kind: str) -> Any:
    """As its field has it, and as it is read back."""
    if value is None:
        return ""
    if kind == "json" or isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, indent=1)
    return str(value) if kind == "choice" else value
