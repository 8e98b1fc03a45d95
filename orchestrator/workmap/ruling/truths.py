"""Which rules hold for a write, fast: every condition is made ready once, every value is read once a write.

The answer is that of `conditions.judge`, to the letter (tests/workmap/test_truths.py); only the record of what was
compared is left out. For replays of many cases; what is decided is never judged by this.
"""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from approvals.rules import RuleSpec
from cases.comparing import COMPARISONS, WITHOUT_VALUE, Frame, compare
from cases.conditions import SIDES, Look, is_reference, opposite
from cases.values import UNKNOWN

Truth = bool | None
Test = Callable[["_State"], Truth]
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "more than": operator.gt,
    "at least": operator.ge,
    "less than": operator.lt,
    "at most": operator.le,
}
_EXACT = 2**53  # below it whole numbers and floats stand in the order of their decimals
_KEPT = 20_000
_KEYS = {*SIDES, "all", "any", "not", "is", "value"}
_MISS: Any = object()


@dataclass(slots=True)
class _State:
    look: Look
    values: dict[tuple[str, str], Any] = field(default_factory=dict)

    def read(self, key: tuple[str, str]) -> Any:
        value = self.values.get(key, _MISS)
        if value is _MISS:
            source, name = key
            value = getattr(self.look, source)(name)
            self.values[key] = value = UNKNOWN if value is None else value
        return value


class Truths:
    """The conditions of these rules, ready to be judged for many writes."""

    def __init__(self, specs: Sequence[RuleSpec], *, zone: tzinfo | None, currency: str | None) -> None:
        self.frame = Frame(zone, currency)
        self._leaves: dict[str, Test] = {}
        self._tests = [self._safe(spec) for spec in specs]

    def of(self, look: Look) -> tuple[Truth, ...]:
        """For each rule whether it holds; None where that is unknown, also for a rule that is broken."""
        state = _State(look)
        return tuple(test(state) for test in self._tests)

    def _safe(self, spec: RuleSpec) -> Test:
        try:
            return self._tree(spec.condition(), 0)
        except (ValueError, TypeError, KeyError, RecursionError):
            return lambda _state: None

    def _tree(self, tree: Any, depth: int) -> Test:
        if not isinstance(tree, Mapping) or depth > 10 or set(tree) - _KEYS:
            raise ValueError
        parts: list[Test] = []
        if any(side in tree for side in SIDES):
            parts.append(self._leaf(tree))
        elif "is" in tree or "value" in tree:
            raise ValueError
        if "all" in tree:
            parts += [self._tree(part, depth + 1) for part in _cheap_first(tree["all"])]
        if tree.get("any"):
            choices = [self._tree(part, depth + 1) for part in _cheap_first(tree["any"])]
            parts.append(_any(choices))
        if "not" in tree:
            inner = self._tree(tree["not"], depth + 1)
            parts.append(lambda state: opposite(inner(state)))
        return parts[0] if len(parts) == 1 else _all(parts)

    def _leaf(self, leaf: Mapping[str, Any]) -> Test:
        sides = [side for side in SIDES if side in leaf]
        if len(sides) != 1 or not isinstance(leaf[sides[0]], str) or leaf.get("is") not in COMPARISONS:
            raise ValueError
        name = json.dumps({key: leaf[key] for key in (sides[0], "is", "value") if key in leaf}, sort_keys=True)
        if name not in self._leaves:
            self._leaves[name] = self._made((sides[0], leaf[sides[0]]), str(leaf["is"]), leaf.get("value"))
        return self._leaves[name]

    def _made(self, left: tuple[str, str], comparison: str, value: Any) -> Test:
        frame = self.frame
        if comparison in WITHOUT_VALUE:
            wanted = comparison == "unknown"
            return lambda state: (state.read(left) is UNKNOWN) == wanted
        if is_reference(value):
            ((source, name),) = value.items()
            right = (source, str(name))
            return lambda state: compare(comparison, state.read(left), state.read(right), frame)
        literal: Any = UNKNOWN if value is None else value
        order = _ORDER.get(comparison) if _is_plain(literal) else None
        kept: dict[Any, Truth] = {}

        def test(state: _State) -> Truth:
            seen = state.read(left)
            if order is not None and _is_plain(seen):
                return bool(order(seen, literal))
            if not isinstance(seen, str | bool | int):
                return compare(comparison, seen, literal, frame)
            key = (type(seen), seen)
            if key not in kept:
                if len(kept) > _KEPT:
                    kept.clear()
                kept[key] = compare(comparison, seen, literal, frame)
            return kept[key]

        return test


def _is_plain(value: Any) -> bool:
    kind = type(value)
    return (kind is int or kind is float) and -_EXACT < value < _EXACT


def _all(parts: Sequence[Test]) -> Test:
    """False as soon as one is: whatever the others are, nothing changes it."""

    def test(state: _State) -> Truth:
        truth: Truth = True
        for part in parts:
            found = part(state)
            if found is False:
                return False
            if found is None:
                truth = None
        return truth

    return test


def _any(parts: Sequence[Test]) -> Test:
    """True as soon as one is."""

    def test(state: _State) -> Truth:
        truth: Truth = False
        for part in parts:
            found = part(state)
            if found:
                return True
            if found is None:
                truth = None
        return truth

    return test


def _cheap_first(parts: Any) -> Sequence[Any]:
    """A formula costs as much as a hundred comparisons, so it comes after them; the order means nothing."""
    return sorted(_list(parts), key=lambda part: "formula" in json.dumps(part, default=str))


def _list(parts: Any) -> Sequence[Any]:
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise ValueError  # noqa: TRY004  # one error class
    return parts
