"""Condition trees: what routes, steps and rules ask of facts and arguments.

Three-valued: a condition on an unknown value is unknown, also `is not`; a false one in `all` beats an unknown
one, a true one in `any` too. Unlike things (text beside a number, another currency) compare as unknown, so a
person decides. Pure: values come through `Look`; no queries, no clock.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from difflib import get_close_matches
from typing import Any, Protocol

from django.utils.translation import gettext as _

from cases import formulas
from cases.comparing import COMPARISONS, EACH, WITHOUT_VALUE, Frame, compare, plain
from cases.values import UNKNOWN, check_path

SIDES = ("fact", "argument", "formula")
_GROUPS = ("all", "any", "not")
_DEEPEST = 10
_MOST_LEAVES = 200


class Look(Protocol):
    """Where values come from: each returns a value or UNKNOWN, and does not raise for a missing name."""

    def fact(self, name: str) -> object:
        """The fact of that name, or at a path in it (`customer.tier`)."""

    def argument(self, path: str) -> object:
        """The write's argument at that path."""

    def formula(self, text: str) -> object:
        """What the formula gives."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One condition with the values it saw. `result` None: unknown."""

    source: str  # fact, argument or formula
    left: str
    comparison: str
    left_value: object
    right: str  # "" for a literal, else what it was read from ("fact order_total")
    right_value: object
    result: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return it for the record and the API: numbers as text, times ISO, long values cut, unknown null."""
        return {
            "source": self.source,
            "left": self.left,
            "comparison": self.comparison,
            "left_value": plain(self.left_value),
            "left_known": self.left_value is not UNKNOWN,
            "right": self.right,
            "right_value": plain(self.right_value),
            "result": self.result,
        }

    def arguments(self) -> set[str]:
        """The arguments whose values it saw."""
        return arguments_of(self.source, self.left, self.right)


_IN_FORMULA = re.compile(r"""\bargument\b(?:\.([A-Za-z_]\w*)|\[["'](\w+)["']\])?""")


def arguments_of(source: str, left: str, right: str) -> set[str]:
    """The arguments that one comparison names on either side, in formulas too: then each of its values tells theirs.

    `*` stands for all, where a formula takes them as a whole.
    """
    found: set[str] = set()
    for side in (f"{source} {left}", right):
        kind, _space, named = side.partition(" ")
        if kind == "argument":
            found.add(re.split(r"[.\[]", named)[0])
        elif kind == "formula":
            found.update(dotted or keyed or "*" for dotted, keyed in _IN_FORMULA.findall(named))
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the tree holds (None: unknown), every condition looked at, and what was unknown in it."""

    truth: bool | None
    compared: list[Compared] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def judge(
    condition: Mapping[str, Any] | None,
    look: Look,
    *,
    zone: tzinfo | None = None,
    currency: str | None = None,
) -> Outcome:
    """Judge a tree; an empty one holds. `zone` and `currency` are the company's (without a zone, a time
    without one is unknown; without a currency, so is `{amount, currency}`).

    Every condition is looked at, so that the record shows all values. Raises ValueError for a tree that
    `check` refuses.
    """
    outcome = Outcome(None, [], [])
    tree = {} if condition is None else condition
    truth = _tree(tree, _Judging(look, Frame(zone, currency), outcome), 0)
    return Outcome(truth, outcome.compared, list(dict.fromkeys(outcome.unknown)))


def check(
    condition: Mapping[str, Any] | None,
    *,
    facts: Set[str],
    arguments: Set[str] | None = None,
    tables: Set[str] = frozenset(),
    names: Set[str] = frozenset(),
) -> list[str]:
    """Return what is wrong with a tree, in words; an empty list if nothing is.

    `facts` and `arguments` are the declared names (arguments None: not known here, any is accepted, `{}`:
    there are none); `tables` the type's tables; `names` further roots that formulas may use.
    """
    declared = {*facts, *names, "now", "today", "operation", "tables"}
    declared |= {f"tables.{name}" for name in tables}
    declared |= {"argument"} if arguments is None else {f"argument.{name}" for name in arguments}
    checking = _Checking(set(facts), None if arguments is None else set(arguments), declared)
    return list(dict.fromkeys(checking.tree({} if condition is None else condition, 0)))


def leaves(condition: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield every single condition of a tree; for sentences and for what a rule uses.

    What is no condition is left out: `judge` refuses the whole tree, so that a person is asked.
    """
    tree = condition or {}
    if not isinstance(tree, Mapping):
        return
    if any(side in tree for side in SIDES):
        yield tree
    for group in ("all", "any"):
        parts = tree.get(group)
        for part in parts if isinstance(parts, list | tuple) else ():
            yield from leaves(part)
    if "not" in tree:
        yield from leaves(tree["not"])


# --- judging ---


@dataclass(frozen=True, slots=True)
class _Judging:
    look: Look
    frame: Frame
    outcome: Outcome


def _tree(tree: object, at: _Judging, depth: int) -> bool | None:
    if not isinstance(tree, Mapping) or depth > _DEEPEST:
        raise ValueError(_("A condition must be a mapping with all, any, not, fact, argument or formula."))
    unexpected = set(tree) - {*SIDES, *_GROUPS, "is", "value"}
    if unexpected:
        raise ValueError(_("A condition has the unknown key “%s”.") % sorted(map(str, unexpected))[0])
    parts: list[bool | None] = []
    if any(side in tree for side in SIDES):
        parts.append(_leaf(tree, at))
    elif "is" in tree or "value" in tree:
        raise ValueError(_("A condition has no left side; name a fact, an argument or a formula."))
    if "all" in tree:
        parts.append(every(_tree(part, at, depth + 1) for part in _list(tree["all"])))
    if tree.get("any"):
        parts.append(some(_tree(part, at, depth + 1) for part in _list(tree["any"])))
    if "not" in tree:
        parts.append(opposite(_tree(tree["not"], at, depth + 1)))
    return every(parts)


def every(truths: Iterable[bool | None]) -> bool | None:
    """And of three values: false beats unknown, unknown beats true; nothing at all is true."""
    seen = list(truths)
    return False if False in seen else None if None in seen else True


def some(truths: Iterable[bool | None]) -> bool | None:
    """Or of three values: true beats unknown, unknown beats false; nothing at all is false."""
    seen = list(truths)
    return True if True in seen else None if None in seen else False


def opposite(truth: bool | None) -> bool | None:
    """Not of three values: unknown stays unknown."""
    return None if truth is None else not truth


def _list(parts: object) -> Sequence[Any]:
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise ValueError(_("all and any need a list of conditions."))  # noqa: TRY004  # one error class
    return parts


def _leaf(leaf: Mapping[str, Any], at: _Judging) -> bool | None:
    source = _side(leaf)
    comparison = leaf.get("is")
    if comparison not in COMPARISONS:
        raise ValueError(_("“%s” is no comparison.") % comparison)
    left = _read(source, leaf[source], at.look)
    right_name, right = "", None
    if comparison not in WITHOUT_VALUE:
        right_name, right = _right(leaf.get("value"), at.look)
    result = compare(str(comparison), left, right, at.frame)
    if result is None:
        at.outcome.unknown.extend(_unknown(source, str(leaf[source]), left, right_name, right))
    at.outcome.compared.append(Compared(source, str(leaf[source]), str(comparison), left, right_name, right, result))
    return result


def _unknown(source: str, name: str, left: object, right_name: str, right: object) -> Iterator[str]:
    """The names to blame: the sides that are unknown; both when the two are merely not comparable."""
    blamed = [f"{source} {name}"] if left is UNKNOWN else []
    blamed += [right_name] if right is UNKNOWN else []
    yield from (_bare(one) for one in blamed or [f"{source} {name}"])


def _bare(name: str) -> str:
    """A fact by its own name, the others with what they are."""
    return name.removeprefix("fact ")


def _side(leaf: Mapping[str, Any]) -> str:
    found = [side for side in SIDES if side in leaf]
    if len(found) != 1 or not isinstance(leaf[found[0]], str):
        raise ValueError(_("A condition needs one left side: a fact, an argument or a formula."))
    return found[0]


def _read(source: str, name: str, look: Look) -> object:
    value = {"fact": look.fact, "argument": look.argument, "formula": look.formula}[source](name)
    return UNKNOWN if value is None else value


def _right(value: object, look: Look) -> tuple[str, object]:
    if is_reference(value):
        ((source, name),) = value.items()  # type: ignore[attr-defined]
        return f"{source} {name}", _read(source, str(name), look)
    return "", UNKNOWN if value is None else value


def is_reference(value: object) -> bool:
    """Whether a right side is `{fact: NAME}`, `{argument: PATH}` or `{formula: TEXT}`."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in SIDES


# --- checking ---


class _Checking:
    def __init__(self, facts: set[str], arguments: set[str] | None, declared: set[str]) -> None:
        self.facts, self.arguments, self.declared = facts, arguments, declared
        self.leaves = 0

    def tree(self, tree: object, depth: int) -> Iterator[str]:
        if not isinstance(tree, Mapping):
            yield _("A condition must be a mapping with all, any, not, fact, argument or formula.")
            return
        if depth > _DEEPEST:
            yield _("Conditions are nested too deeply.")
            return
        allowed = (*SIDES, "is", "value", *_GROUPS)
        for key in set(tree) - set(allowed):
            near = _near(key, allowed)
            yield _("A condition has the unknown key “%(key)s”.%(near)s") % {"key": key, "near": near}
        if {*SIDES, "is", "value"} & set(tree):
            yield from self.leaf(tree)
        for group in ("all", "any"):
            if group in tree:
                yield from self.group(group, tree[group], depth)
        if "not" in tree:
            if not tree["not"]:
                yield _("“not” needs a condition.")
            yield from self.tree(tree["not"], depth + 1)

    def group(self, name: str, parts: object, depth: int) -> Iterator[str]:
        if not isinstance(parts, list | tuple):
            yield _("“%s” needs a list of conditions.") % name
            return
        if name == "any" and not parts:
            yield _("“any” needs at least one condition.")
        for part in parts:
            if not part:
                yield _("“%s” holds an empty condition.") % name
            yield from self.tree(part, depth + 1)

    def leaf(self, leaf: Mapping[str, Any]) -> Iterator[str]:
        self.leaves += 1
        if self.leaves > _MOST_LEAVES:
            yield _("There are more than 200 conditions.")
            return
        try:
            source = _side(leaf)
        except ValueError as error:
            yield str(error)
            return
        yield from self.reference(source, leaf[source])
        comparison = leaf.get("is")
        if comparison not in COMPARISONS:
            yield _no_comparison(comparison)
        elif comparison in WITHOUT_VALUE:
            if "value" in leaf:
                yield _("“%s” takes no value.") % comparison
        elif leaf.get("value") is None:
            yield _("“%s” needs a value; to ask whether one is there, use known or unknown.") % comparison
        else:
            yield from self.right(comparison, leaf["value"])

    def right(self, comparison: str, value: object) -> Iterator[str]:
        if is_reference(value):
            ((source, name),) = value.items()  # type: ignore[attr-defined]
            yield from self.reference(source, name)
        elif comparison in EACH:
            yield from self.inner(comparison, value)
        elif comparison in ("one of", "none of"):
            if not isinstance(value, list | tuple) or not value:
                yield _("“%s” needs a list of values.") % comparison
        elif isinstance(value, Mapping):
            yield _("A value must be a literal, or {fact: …}, {argument: …} or {formula: …}.")
        elif comparison in ("starts with", "ends with") and not isinstance(value, str):
            yield _("“%s” needs a text.") % comparison
        elif comparison in ("more than", "at least", "less than", "at most") and not _has_order(value):
            yield _("“%s” needs a number, a date or a time.") % comparison

    def inner(self, comparison: str, value: object) -> Iterator[str]:
        if isinstance(value, list | tuple) and value:
            return
        if not isinstance(value, Mapping) or not {"is"} <= set(value) <= {"is", "value"}:
            yield _("“%s” needs a list, or an inner {is: …, value: …}.") % comparison
        elif value["is"] not in COMPARISONS or value["is"] in (*EACH, *WITHOUT_VALUE):
            yield _no_comparison(value["is"])
        else:
            yield from self.right(str(value["is"]), value.get("value"))

    def reference(self, source: str, name: object) -> Iterator[str]:
        if not isinstance(name, str):
            yield _("A %s is named by a text.") % source
        elif source == "formula":
            yield from formulas.check(name, self.declared)
        else:
            yield from self.path(source, name)

    def path(self, source: str, name: str) -> Iterator[str]:
        try:
            check_path(name)
        except ValueError as error:
            yield str(error)
            return
        known = self.facts if source == "fact" else self.arguments
        root = name.split(".")[0].split("[")[0]
        if known is not None and root not in known:
            yield _("There is no %(kind)s “%(name)s”.%(near)s") % {
                "kind": source,
                "name": root,
                "near": _near(root, sorted(known)),
            }


def _has_order(value: object) -> bool:
    frame = Frame(UTC, None)
    return not isinstance(value, bool) and compare("at least", value, value, frame) is not None


def _no_comparison(name: object) -> str:
    return _("“%(name)s” is no comparison.%(near)s") % {"name": name, "near": _near(name, COMPARISONS)}


def _near(name: object, known: Iterable[str]) -> str:
    found = get_close_matches(str(name), list(known), 1)
    return _(" Did you mean “%s”?") % found[0] if found else ""
