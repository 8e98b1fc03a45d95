"""Formulas: zen expressions over facts, worked out so that nothing unknown ever looks like an answer.

zen takes a path that is not there for null, and finds `null != 'x'`, `'5' != 5` and `[1] != [1]` true. So
each piece that could be null, and each comparison of unlike things, is worked out beside the formula: if one
fails, the result is UNKNOWN. `days(A - B)` is ours. No Python is reachable, and work is bounded beforehand.
No queries; the clock comes in.
"""

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

import zen
from django.utils.translation import gettext as _

from cases.formula_checks import checks, days_of, in_zone, rebuilt, without_days
from cases.formula_limits import Work
from cases.formula_paths import misused, outer_paths, path_of, root_of, undeclared, uses
from cases.formula_text import OWN, Binary, FormulaError, Name, Node, parse, write
from cases.values import UNKNOWN, dig, midnight, moment, number

_SAFE_INTEGER = 2**53  # zen hands numbers to Python as floats


def names(text: str) -> set[str]:
    """Return the names a formula uses and their paths: {"order", "order.payments[*].id", "today"}.

    Raises FormulaError (a ValueError) if the formula cannot be read.
    """
    return {name for path in _used(text) for name in (path, root_of(path))}


@lru_cache(maxsize=2_048)
def _used(text: str) -> frozenset[str]:
    return frozenset(uses(parse(text), {}))


def roots(text: str) -> set[str]:
    """Return only the names a formula begins its paths with; none for one that cannot be read."""
    try:
        return {root_of(path) for path in _used(text)}
    except FormulaError:
        return set()


def check(text: str, declared: Set[str]) -> list[str]:
    """Return what is wrong with a formula, in words; an empty list if nothing is.

    `declared`: the names it may use. Where it holds dotted names (`tables.days_free`, `argument.amount`),
    only those may follow that root.
    """
    try:
        tree = parse(text)
    except FormulaError as error:
        return [_("The formula “%(text)s” cannot be read: %(why)s.") % {"text": _short(text), "why": error}]
    problems = [*undeclared(tree, declared), *misused(tree)]
    if problems:
        return problems
    refused = zen.validate_expression(write(without_days(tree)))
    if refused is not None:
        why = str(refused.get("source", ""))
        return [_("The formula “%(text)s” cannot be read: %(why)s.") % {"text": _short(text), "why": why}]
    return []


def lacking(text: str, values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the roots of a formula whose value, or the used path in it, is unknown; for "lacked data"."""
    try:
        paths = _used(text)
    except FormulaError:
        return ()
    own = {"now", "today"}
    return tuple(sorted({root_of(p) for p in paths if root_of(p) not in own and dig(values, p) is UNKNOWN}))


def evaluate(text: str, values: Mapping[str, object], *, now: datetime, zone: tzinfo) -> object:
    """Return what the formula gives, or UNKNOWN. Never raises for what a formula or a value holds.

    UNKNOWN: an input, a path or an item's path that is not there, unknown or null; a null result; things of
    unlike kinds compared; an error; a formula that cannot be read or would take too long. Whole numbers come
    back as int, others as Decimal, dates that zen works out as ISO text, a plain path as the value itself.
    """
    try:
        plan = _plan(text, getattr(zone, "key", None) or "UTC")
        world = {**values, "now": now, "today": now.astimezone(zone).date()}
        return UNKNOWN if plan is None else _value(plan, world, zone)
    except (FormulaError, RecursionError, OverflowError):  # the last: a time that in this zone is in no year there is
        return UNKNOWN


@dataclass(frozen=True, slots=True)
class _Plan:
    """A formula made ready once: what to look at first, what to ask zen, how deep the checks' lists are."""

    tree: Node
    path: str | None
    outer: tuple[str, ...]
    days: tuple[tuple[str, "_Plan", "_Plan"], ...]
    text: str
    question: str
    depths: tuple[int, ...]
    roots: tuple[str, ...]


@lru_cache(maxsize=2_048)
def _plan(text: str, zone: str) -> _Plan | None:
    tree = parse(text)
    return None if misused(tree) else _planned(tree, zone)


def _planned(tree: Node, zone: str) -> _Plan:
    outer = tuple(sorted(set(outer_paths(tree))))
    days: list[tuple[str, _Plan, _Plan]] = []
    change: dict[int, Node] = {}
    for call in days_of(tree):
        name, difference = f"{OWN}days_{len(days)}", call.arguments[0]
        if isinstance(difference, Binary):  # misused() has seen to it
            days.append((name, _planned(difference.left, zone), _planned(difference.right, zone)))
        change[id(call)] = Name(name)
    path = path_of(tree, {})
    tree = in_zone(rebuilt(tree, change), zone)
    beside = tuple(checks(tree, ()))
    text = write(tree)
    question = "[" + ", ".join([text, *(check for check, _depth in beside)]) + "]"
    roots = tuple(sorted({root_of(used) for used in uses(tree, {})}))
    return _Plan(tree, path, outer, tuple(days), text, question, tuple(depth for _, depth in beside), roots)


def _value(plan: _Plan, world: dict[str, object], zone: tzinfo) -> object:
    found = [dig(world, path) for path in plan.outer]
    if any(value is UNKNOWN for value in found):
        return UNKNOWN
    if plan.path is not None:
        return found[0]
    if any(_plain(value, zone) is None for value in found if isinstance(value, int | float | Decimal)):
        return UNKNOWN
    for name, later, earlier in plan.days:
        days = _days(_value(later, world, zone), _value(earlier, world, zone), zone)
        if days is UNKNOWN:
            return UNKNOWN
        world = {**world, name: days}
    return _work_out(plan, world, zone)


def _work_out(plan: _Plan, world: dict[str, object], zone: tzinfo) -> object:
    if not Work(world).fits(plan.tree, plan.roots, len(plan.depths)):
        return UNKNOWN
    context = {root: _plain(world[root], zone) for root in plan.roots}
    results = _zen(plan.question, context)
    if not isinstance(results, list):
        return UNKNOWN
    if not all(_holds(got, depth) for got, depth in zip(results[1:], plan.depths, strict=True)):
        return UNKNOWN
    if isinstance(results[0], float):  # once more as text, which keeps all 28 digits
        return _read_number(_zen(f"string({plan.text})", context))
    return _read(results[0])


def _zen(text: str, context: dict[str, object]) -> object:
    """zen raises RuntimeError for its own errors, the others while it takes the values over."""
    try:
        return zen.evaluate_expression(text, context)
    except (RuntimeError, TypeError, ValueError, OverflowError):
        return UNKNOWN


def _days(later: object, earlier: object, zone: tzinfo) -> object:
    """Days between, unrounded: whole for two dates; a date beside a time is its midnight."""
    one, two = moment(later, zone), moment(earlier, zone)
    if one is UNKNOWN or two is UNKNOWN:
        return UNKNOWN
    if not isinstance(one, datetime) and not isinstance(two, datetime):
        return (one - two).days
    one = one if isinstance(one, datetime) else midnight(one, zone)
    two = two if isinstance(two, datetime) else midnight(two, zone)
    gap = one - two
    seconds = Decimal(gap.days * 86_400 + gap.seconds) + Decimal(gap.microseconds) / 1_000_000
    return round(seconds / 86_400, 12)  # to a tenth of a microsecond


def _holds(got: object, depth: int) -> bool:
    """True if nothing at this depth is null. A guard that was not entered says true in place of a list."""
    if depth == 0 or got is True:
        return got is not None
    return isinstance(got, list) and all(_holds(item, depth - 1) for item in got)


def _plain(value: object, zone: tzinfo) -> object:
    """The value as zen takes it. A number that zen could not hold exactly becomes null, so it is unknown."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return _plain_number(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(zone).isoformat()
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, zone) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, zone) for item in value]
    return None


def _plain_number(value: int | float | Decimal) -> int | float | None:
    if isinstance(value, int):
        return value if abs(value) <= _SAFE_INTEGER else None
    read = number(value)
    if read is UNKNOWN or read.adjusted() > 25 or (read and read.adjusted() < -18):
        return None
    near = float(read)
    return near if math.isfinite(near) and Decimal(repr(near)) == read else None


def _read_number(text: object) -> object:
    read = number(text)
    if read is UNKNOWN:
        return UNKNOWN
    return int(read) if read == read.to_integral_value() else read


def _read(value: object) -> object:
    """zen's answer as ours; anything in it that lost digits makes the whole unknown."""
    if value is None or value == "Invalid date":
        return UNKNOWN
    try:
        return _read_inside(value)
    except OverflowError:
        return UNKNOWN


def _read_inside(value: object) -> object:
    if isinstance(value, float):
        if abs(value) > _SAFE_INTEGER:
            raise OverflowError
        return int(value) if value.is_integer() else Decimal(format(value, ".15g"))
    if isinstance(value, list):
        return [_read_inside(item) for item in value]
    if isinstance(value, dict):
        return {key: _read_inside(item) for key, item in value.items()}
    return value


def _short(text: object) -> str:
    return str(text)[:80]
