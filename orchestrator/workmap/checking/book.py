"""What the checks of a map share: all names there are, and the words for a name that is not there. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.utils.translation import gettext as _

from cases import conditions, formulas, placeholders
from cases.values import check_path
from orchestrator.workmap.problems import Path, Report, cut, nearest
from orchestrator.workmap.records import Key, Record, Records, title_of

CLOCK = frozenset({"now", "today"})
OWN_NAMES = frozenset(
    {
        "request",
        "argument",
        "operation",
        "tables",
        "templates",
        "steps",
        "now",
        "today",
        "draft",
        "each",
        "value",
    }
    | {"result", "true", "false", "null", "and", "or", "not", "in"}
)
REQUEST = frozenset({"customer", "contact", "name", "number", "subject", "language"})


@dataclass
class Book:
    """The records of a map that is checked. `broken` are those whose shape is wrong: their names count, no more."""

    records: Records
    broken: frozenset[Key] = frozenset()
    report: Report = field(default_factory=Report)

    def names(self, what: str) -> set[str]:
        return {name for kind, name in [*self.records, *self.broken] if kind == what}

    def of(self, what: str) -> Iterable[tuple[str, Record]]:
        return ((name, record) for (kind, name), record in self.records.items() if kind == what)

    def get(self, what: str, name: object) -> Record | None:
        return self.records.get((what, name)) if isinstance(name, str) else None

    def add(self, at: Path, text: str) -> None:
        self.report.add(at, text)

    def refer(self, at: Path, what: str, name: object, who: str = "") -> bool:
        """Whether there is a `what` of this name; adds the problem if not. `at` begins with the record's key."""
        if name is None or name in self.names(what):
            return name is not None
        self.missing(at, title_of(what), name, self.names(what), who)
        return False

    def missing(self, at: Path, what: str, name: object, names: Iterable[str], who: str = "") -> None:
        """Adds: `rule `x` names team `heds`, which does not exist; did you mean `heads`?`"""
        self.add(
            at,
            _("%(who)s names %(what)s `%(name)s`, which does not exist")
            % {"who": who or who_of(at), "what": what, "name": cut(name)}
            + nearest(name, names),
        )

    def says(self, at: Path, text: str, who: str = "") -> None:
        """Adds a problem that begins with the record it is in."""
        self.add(at, f"{who or who_of(at)}: {text}")

    def facts(self, types: Iterable[str] | None = None) -> set[str] | None:
        """The facts of these types (of all, if None); None if one of the types is broken or not there."""
        wanted = self.names("request_type") if types is None else set(types)
        if any(("request_type", name) not in self.records for name in wanted):
            return None
        return {str(fact["name"]) for name in wanted for fact in self.records["request_type", name].get("facts", [])}

    def fact_of_any_type(self, at: Path, name: str) -> None:
        declared = self.facts()
        if declared is not None and self.names("request_type") and root(name) not in declared:
            self.missing(at, title_of("fact"), name, declared)

    def formula(self, at: Path, text: object, declared: Iterable[str]) -> None:
        for problem in formulas.check(str(text), frozenset(declared) | CLOCK):
            self.says(at, problem)

    def conditions(
        self,
        at: Path,
        tree: Any,
        facts: set[str] | None,
        names: Set[str],
        arguments: Set[str] | None = frozenset(),
    ) -> None:
        """Checks a tree of conditions, each at its own place. `facts` None: a type is broken, and says so itself.

        `names`: what formulas may use beside the facts; dotted ones (`tables.x`) only as a whole.
        """
        if facts is None:
            return
        kinds: dict[str, Any] = {"facts": facts, "names": names, "arguments": arguments}
        inner: set[str] = set()
        for place, leaf in _leaves(at, tree):
            for problem in conditions.check(leaf, **kinds):
                inner.add(problem)
                self.says(place, problem)
        for problem in conditions.check(_bare(tree), **kinds):
            if problem not in inner:
                self.says(at, problem)

    def fill_ins(self, at: Path, thing: Any, declared: Iterable[str]) -> None:
        """Checks the first names of the placeholders in `thing`, and what follows `request.`."""
        allowed = set(declared)
        for name in sorted(placeholders.names(thing)):
            root, _dot, rest = name.partition(".")
            root = root.split("[")[0]
            if root not in allowed:
                text = _("the placeholder {%(name)s} stands for nothing here") % {"name": cut(name)}
                self.says(at, text + nearest(root, allowed))
            elif root == "request" and rest not in REQUEST:
                text = _("the placeholder {%(name)s} stands for nothing here") % {"name": cut(name)}
                self.says(at, text + nearest(rest, REQUEST))

    def arguments_of(self, operation: object) -> set[str] | None:
        """The names of the arguments an operation declares; None if it declares none and takes any."""
        record = self.get("operation", operation)
        if record is None:
            return None
        found = set(properties(record))
        return found if found or is_closed(record) else None

    def given(self, at: Path, operation: object, given: Mapping[str, Any]) -> None:
        """Checks that the arguments given in a call are ones of the operation, and that none it needs is missing."""
        record = self.get("operation", operation)
        if record is None:
            return
        names = set(properties(record))
        for name in given:
            if is_closed(record) and name not in names:
                text = _("operation `%(operation)s` has no argument `%(name)s`")
                words = text % {"operation": operation, "name": cut(name)} + nearest(name, names)
                self.says((*at, name), words)
        for name in required(record):
            if name not in given and name != _effect_argument(record):
                text = _("operation `%(operation)s` needs the argument `%(name)s`")
                self.says(at, text % {"operation": operation, "name": cut(name)})

    def is_read(self, at: Path, operation: object) -> None:
        """Checks that what is named for reading does not write."""
        record = self.get("operation", operation)
        if record is not None and record.get("kind", "write") != "read":
            self.says(at, _("operation `%(name)s` writes, so it cannot be read with") % {"name": operation})

    def is_write(self, at: Path, operation: object) -> None:
        record = self.get("operation", operation)
        if record is not None and record.get("kind", "write") == "read":
            self.says(at, _("operation `%(name)s` only reads, so it cannot be written with") % {"name": operation})

    def path(self, at: Path, path: object) -> None:
        """Checks that a path reads like `a.b[0].c`."""
        try:
            check_path(str(path))
        except ValueError as error:
            self.says(at, str(error))

    def unique(self, at: Path, what: str, items: Iterable[Mapping[str, Any]], key: str = "name") -> None:
        """Checks that no name is said twice in a list of named things."""
        seen: set[Any] = set()
        for index, item in enumerate(items):
            name = item.get(key)
            if name in seen:
                words = _("%(what)s `%(name)s` is said twice") % {"what": what, "name": cut(name)}
                self.says((*at, index, key), words)
            seen.add(name)


def who_of(at: Path) -> str:
    """`operation `payments.refund``: the record that a path begins with."""
    what, name = str(at[0]), str(at[1])
    return f"{title_of(what)} `{name}`" if name else title_of(what)


def properties(operation: Mapping[str, Any]) -> dict[str, Any]:
    found = operation.get("arguments", {}).get("properties", {})
    return found if isinstance(found, dict) else {}


def required(operation: Mapping[str, Any]) -> list[str]:
    found = operation.get("arguments", {}).get("required", [])
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def is_closed(operation: Mapping[str, Any]) -> bool:
    """Whether the operation takes only the arguments it declares; one that declares nothing takes none."""
    return "arguments" not in operation or operation["arguments"].get("additionalProperties") is False


def _effect_argument(operation: Mapping[str, Any]) -> str | None:
    key = operation.get("effect_key")
    return key.get("argument") if isinstance(key, dict) else None


def root(path: object) -> str:
    """The first name of a path: `order` of `order.items[0].id`."""
    return str(path).split(".")[0].split("[")[0]


def _bare(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The conditions of a rule without the types and operations it covers."""
    return {key: value for key, value in tree.items() if key not in ("types", "operations")}


def _leaves(at: Path, tree: Any) -> Iterator[tuple[Path, Any]]:
    if not isinstance(tree, Mapping):
        return
    leaf = {key: value for key, value in tree.items() if key in (*conditions.SIDES, "is", "value")}
    if leaf:
        yield at, leaf
    for group in ("all", "any"):
        for index, part in enumerate(tree.get(group, [])):
            yield from _leaves((*at, group, index), part)
    yield from _leaves((*at, "not"), tree.get("not"))


def circle(follows: Mapping[str, Iterable[str]]) -> list[str]:
    """One circle in `follows` (name -> the names it leads to) as the names on it, or nothing."""
    try:
        TopologicalSorter({name: [a for a in after if a in follows] for name, after in follows.items()}).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
