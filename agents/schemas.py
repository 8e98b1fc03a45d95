"""Arguments against an operation's JSON Schema (draft 2020-12). Pure.

Answers are words that name the argument and never show its value, which may be secret. Schemas may come from
other systems: references stay inside, patterns are RE2, sizes are bounded, and a schema that cannot be used
refuses everything.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from math import isfinite
from typing import Any

import re2
import referencing
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend

from agents.connectors.base import visible
from agents.formats import FORMATS
from agents.schema_words import sentence
from cases import patterns

MOST_PROBLEMS = 20
MOST_VALUES = 20_000
MOST_SUBSCHEMAS = 5_000
MOST_SCHEMA_TEXT = 64_000
DEEPEST = 32
LONGEST_NUMBER = 400
MOST_PATTERN_WORK = 6_000_000
"""RE2 instructions times bytes: about 80 ms at worst."""

OPERATION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\.[a-z0-9][a-z0-9_-]{0,62}")
REFUSED = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "patternProperties")
ONE_WORDS = (
    "items additionalProperties not if then else contains propertyNames"  # one schema each
    " unevaluatedItems unevaluatedProperties"
)
ONE = tuple(ONE_WORDS.split())
NAMED = ("properties", "$defs", "definitions", "dependentSchemas")
LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")


class _Odd(ValueError):
    """A value that no schema may see."""


def is_operation_name(name: object) -> bool:
    """Whether `name` can be an operation's: ASCII, small letters, SYSTEM.OPERATION. Nothing is folded or
    trimmed, so a look-alike, another case or a trailing space is another name, and none that exists."""
    return isinstance(name, str) and OPERATION_NAME.fullmatch(name) is not None


def check(schema: Mapping[str, Any], arguments: object) -> list[str]:
    """What is wrong with `arguments`, in words that name the argument (at most 20); empty if they fit.

    Numbers may be int, Decimal or float and are compared exactly. Fails closed: a schema that cannot be used,
    or arguments that are too big or cannot be stored, give a problem.
    """
    return list(dict.fromkeys(words for _argument, words in located(schema, arguments)))


def located(
    schema: Mapping[str, Any],
    arguments: object,
    *,
    named: Callable[[str], str] = str,
    limit: Callable[[str, Any], Any] = lambda _argument, wanted: wanted,
) -> list[tuple[str, str]]:
    """Each problem of `check` with the argument it is about, or ''.

    A page says an argument by its name there (`named`), and what is asked for as it writes it (`limit`).
    """
    if not isinstance(arguments, Mapping):
        return [("", _("The arguments must be an object with names and values."))]
    try:
        validator = _compiled(_schema_text(schema))
        plain = _plain(arguments, "", [0], 0)
        found = list(islice(validator.iter_errors(plain), MOST_PROBLEMS))
    except _Odd as odd:
        return [("", str(odd))]
    except (RecursionError, referencing.exceptions.Unresolvable):
        return [("", _("The schema of this operation cannot be used."))]
    return list(dict.fromkeys(_words(error, named, limit) for error in found))


def problems_of_schema(schema: object) -> list[str]:
    """Why `schema` cannot describe an operation's arguments, in words; empty if it can."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return [_("arguments: the schema must say type: object.")]
    try:
        text = _schema_text(schema)
    except _Odd as odd:
        return [str(odd)]
    return list(_problems_of_text(text))


@lru_cache(maxsize=512)
def _problems_of_text(text: str) -> tuple[str, ...]:
    schema = json.loads(text, parse_float=Decimal)
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except SchemaError as error:
        where = ".".join(str(step) for step in error.absolute_path)
        return (_("arguments: the schema is wrong at %(where)s.") % {"where": visible(where or "type", 100)},)
    except RecursionError:
        return (_("arguments: the schema is nested too deeply."),)
    found: list[str] = []
    try:
        for count, part in enumerate(_parts(schema, schema, 0)):
            found += _problems_of_part(part)
            if count >= MOST_SUBSCHEMAS:
                found.append(_("arguments: the schema is too big."))
                break
    except _Odd as odd:
        found.append(str(odd))
    return tuple(dict.fromkeys(found))[:MOST_PROBLEMS]


def _problems_of_part(part: Mapping[str, Any]) -> list[str]:
    found = [_("arguments: %(word)s cannot be used here.") % {"word": word} for word in REFUSED if word in part]
    pattern = part.get("pattern")
    if isinstance(pattern, str):
        problem = patterns.check(pattern)
        if problem:
            found.append(_("arguments: a pattern cannot be used. %(why)s") % {"why": problem})
    return found


def _parts(schema: Any, root: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """Each subschema, with references followed: a schema that doubles or circles runs out of count or
    depth."""
    if not isinstance(schema, Mapping):
        return
    if depth > DEEPEST:
        raise _Odd(_("arguments: the schema is nested too deeply, or refers to itself."))
    yield schema
    inner = [schema[word] for word in ONE if word in schema]
    inner += [part for word in NAMED for part in _values(schema.get(word))]
    inner += [part for word in LISTED for part in _items(schema.get(word))]
    if "$ref" in schema:
        inner.append(_pointed_at(schema["$ref"], root))
    for part in inner:
        yield from _parts(part, root, depth + 1)


def _values(found: object) -> list[Any]:
    return list(found.values()) if isinstance(found, Mapping) else []


def _items(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _pointed_at(reference: object, root: Mapping[str, Any]) -> object:
    found: object = root
    steps = str(reference).split("/")
    if steps[0] != "#":
        raise _Odd(_("arguments: $ref may only point inside the schema."))
    for step in steps[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise _Odd(_("arguments: $ref points at nothing."))
    return found


def _schema_text(schema: object) -> str:
    try:
        text = json.dumps(schema, sort_keys=True, default=_number_for_json)
    except (TypeError, ValueError, RecursionError) as error:
        raise _Odd(_("arguments: the schema is not plain JSON.")) from error
    if len(text) > MOST_SCHEMA_TEXT:
        raise _Odd(_("arguments: the schema is too big."))
    return text


def _number_for_json(value: object) -> float | int:
    if not isinstance(value, Decimal):
        raise TypeError(type(value).__name__)
    return int(value) if value == value.to_integral_value() else float(value)


@lru_cache(maxsize=512)
def _compiled(text: str) -> Any:
    schema = json.loads(text, parse_float=Decimal)
    if problems_of_schema(schema):
        raise _Odd(_("The schema of this operation cannot be used."))
    return Validator(schema, format_checker=FORMATS, registry=referencing.Registry())


def _plain(value: object, where: str, count: list[int], depth: int) -> Any:
    """`value` with floats as Decimals and tuples as lists. Raises _Odd for what cannot be stored or
    compared."""
    count[0] += 1
    if count[0] > MOST_VALUES or depth > DEEPEST:
        raise _Odd(_("The arguments are too big or nested too deeply."))
    if isinstance(value, str):
        return _storable(value, where)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _number(value, where)
    if isinstance(value, Mapping):
        pairs = ((_key(key, where), key, inner) for key, inner in value.items())
        return {name: _plain(inner, _join(where, key), count, depth + 1) for name, key, inner in pairs}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{where}[{place}]", count, depth + 1) for place, inner in enumerate(value)]
    raise _Odd(_("%(where)s is of a kind that cannot be sent.") % {"where": _shown(where)})


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise _Odd(_("%(where)s has a name that is not text.") % {"where": _shown(where)})
    return _storable(key, where)


def _storable(text: str, where: str) -> str:
    # PostgreSQL cannot keep U+0000, nor UTF-8 half a surrogate pair.
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _Odd(_("%(where)s holds a character that cannot be stored.") % {"where": _shown(where)})
    return text


def _number(value: int | float | Decimal, where: str) -> int | Decimal:
    if isinstance(value, int):
        fits: bool = value.bit_length() < LONGEST_NUMBER * 3
    else:
        value = Decimal(repr(value)) if isinstance(value, float) and isfinite(value) else Decimal(value)
        fits = value.is_finite() and abs(value.adjusted()) < LONGEST_NUMBER
        fits = fits and len(value.as_tuple().digits) < LONGEST_NUMBER
    if not fits:
        raise _Odd(_("%(where)s is not a number that can be used.") % {"where": _shown(where)})
    return value


def _required(_validator: Any, names: list[str], instance: Any, _schema: Any) -> Iterator[ValidationError]:
    for name in names if isinstance(instance, dict) else []:
        if name not in instance:
            yield ValidationError("", path=[name])


def _additional(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for name in instance:
        if name in schema.get("properties", {}):
            continue
        if allowed is False:
            yield ValidationError("", path=[name])
        elif allowed is not True:
            yield from validator.descend(instance[name], allowed, path=name)


def _multiple(_validator: Any, step: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if _is_number(None, instance) and (Fraction(instance) / Fraction(step)).denominator != 1:
        yield ValidationError("")


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _fits(pattern, instance):
        yield ValidationError("")


def _fits(pattern: str, text: str) -> bool:
    machine, data = _machine(pattern), text.encode()
    return machine.programsize * len(data) <= MOST_PATTERN_WORK and machine.search(data) is not None


@lru_cache(maxsize=512)
def _machine(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _is_number(_checker: object, value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_whole(_checker: object, value: object) -> bool:
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators={
        "required": _required,
        "additionalProperties": _additional,
        "multipleOf": _multiple,
        "pattern": _pattern,
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"number": _is_number, "integer": _is_whole}),
)


def _words(error: ValidationError, named: Callable[[str], str], limit: Callable[[str, Any], Any]) -> tuple[str, str]:
    argument, *rest = [*error.absolute_path, ""]
    where = _shown(_path([named(str(argument)), *rest[:-1]]) if argument else "")
    wanted = error.validator_value
    return str(argument), sentence(where, str(error.validator), wanted if rest[:-1] else limit(str(argument), wanted))


def _path(steps: Any) -> str:
    where = ""
    for step in steps:
        where = f"{where}[{step}]" if isinstance(step, int) else _join(where, step)
    return where


def _join(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)


def _shown(where: str) -> str:
    return visible(where, 100) or _("The whole")
