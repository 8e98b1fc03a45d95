"""Checks what a program sent against the very schema that the OpenAPI document shows, and says what is
wrong in words.

Types are strict: `"5"` is no number and `true` is not 1. Unknown keys are refused by name.
"""

import difflib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from cases.errors import Incorrect

SHOWN: Final = 10  # problems told at once
Json = dict[str, Any]

_types = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer",
    lambda _checker, value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, Decimal) and value == value.to_integral_value())
    ),
)
_Validator: Any = extend(Draft202012Validator, type_checker=_types)  # type: ignore[no-untyped-call]


def check(value: Any, schema: Json) -> None:
    """Raise `Incorrect` (422) with every problem's place and words if `value` does not fit `schema`."""
    problems: list[Json] = []
    for error in sorted(_Validator(schema).iter_errors(value), key=lambda e: [str(p) for p in e.absolute_path]):
        problems += [one for one in _problems(error) if one not in problems]  # two errors may come to the same words
        if len(problems) >= SHOWN:
            break
    if problems:
        raise Incorrect(
            _("%(problem)s Nothing was changed.") % {"problem": problems[0]["what"]},
            problems=problems[:SHOWN],
        )


def read_query(query: Mapping[str, list[str]], schema: Json) -> Json:
    """The query options as values of the types in `schema`. Raises `Incorrect` naming the option."""
    options: Json = {}
    for name, values in query.items():
        wanted = schema["properties"].get(name, {})
        if len(values) > 1:
            raise Incorrect(
                _("The option `%(name)s` stands more than once. Nothing was changed.") % {"name": name[:100]}
            )
        options[name] = _typed(values[0], wanted.get("type"))
    check(options, schema)
    return {name: part["default"] for name, part in schema["properties"].items() if "default" in part} | options


def _typed(text: str, kind: Any) -> Any:
    """Only plain ASCII digits are a number: `int()` would take more."""
    if kind == "integer" and text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return text


def _problems(error: Any) -> Iterator[Json]:
    where = _path(error.absolute_path)
    if error.validator == "additionalProperties":
        yield from (_unknown(error, where, key) for key in _extra(error))
    elif error.validator == "required":
        for key in error.validator_value:
            if isinstance(error.instance, dict) and key not in error.instance:
                full = f"{where}.{key}" if where else key
                yield _problem(full, _("`%(key)s` is missing.") % {"key": full})
    else:
        yield _problem(where, _words(error, where))


def _extra(error: Any) -> list[str]:
    known = error.schema.get("properties", {})
    return [key for key in error.instance if key not in known]


def _unknown(error: Any, where: str, key: str) -> Json:
    known = list(error.schema.get("properties", {}))
    full = f"{where}.{key}" if where else key
    near = difflib.get_close_matches(key[:60], known, n=1, cutoff=0.6)
    if near:
        words = _("Unknown key `%(key)s`; did you mean `%(near)s`?") % {"key": full[:100], "near": near[0]}
    elif known:
        words = _("Unknown key `%(key)s`; known are %(known)s.") % {
            "key": full[:100],
            "known": ", ".join(known),
        }
    else:
        words = _("Unknown key `%(key)s`; nothing is taken here.") % {"key": full[:100]}
    return _problem(full[:200], words)


def _words(error: Any, where: str) -> str:
    name = {"name": f"`{where[:100]}`" if where else _("The body")}
    limit = error.validator_value
    match error.validator:
        case "type":
            kinds = [limit] if isinstance(limit, str) else list(limit)
            wanted = _(" or ").join(_kind(kind) for kind in kinds)
            return _("%(name)s must be %(wanted)s.") % {**name, "wanted": wanted}
        case "enum":
            return _("%(name)s must be one of: %(values)s.") % {**name, "values": ", ".join(map(str, limit))}
        case "maxLength":
            return _("%(name)s is longer than %(n)s characters.") % {**name, "n": limit}
        case "minLength":
            return _("%(name)s may not be empty.") % name
        case "pattern" if not error.instance.strip() and error.schema.get("minLength"):
            return _("%(name)s may not be empty.") % name
        case "pattern" | "format" if error.schema.get("examples"):
            return _("%(name)s must look like %(example)s.") % {**name, "example": error.schema["examples"][0]}
        case "minimum" | "exclusiveMinimum":
            return _("%(name)s must be at least %(n)s.") % {**name, "n": limit}
        case "maximum" | "exclusiveMaximum":
            return _("%(name)s must be at most %(n)s.") % {**name, "n": limit}
        case "maxItems" | "maxProperties":
            return _counted(name["name"], limit)
        case _:
            return _("%(name)s does not have the form that is needed.") % name


def _counted(name: str, limit: int) -> str:
    return ngettext("%(name)s may have at most %(n)s entry.", "%(name)s may have at most %(n)s entries.", limit) % {
        "name": name,
        "n": limit,
    }


def _kind(kind: str) -> str:
    return {
        "string": _("text"),
        "integer": _("a whole number"),
        "number": _("a number"),
        "boolean": _("true or false"),
        "object": _("an object"),
        "array": _("a list"),
        "null": _("null"),
    }.get(kind, kind)


def _path(parts: Any) -> str:
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else (f".{part}" if path else str(part))
    return path


def _problem(where: str, what: str) -> Json:
    return {"where": where, "what": what}
