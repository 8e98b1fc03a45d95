"""The rules in force as pure specs, read once and kept until the policy's stamp changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

from django.contrib.auth.models import User

from agents.configuration import Configuration
from agents.facts import roots
from agents.models import Operation
from approvals.models import Rule, StandingApproval
from approvals.rules import RuleSpec, Verdict
from cases import conditions
from cases.texts import say

_COUNTED = frozenset({"per_day", "total_per_day", "total"})


@dataclass(frozen=True, eq=False)
class LiveRules:
    """Every rule in force, its sentence, and the standing approvals by rule name."""

    specs: tuple[RuleSpec, ...]
    ids: Mapping[str, int]
    sentences: Mapping[str, Any]
    standing: Mapping[str, StandingApproval]
    people: Mapping[str, str]  # who standing approvals name, by user name

    def bearing(self, type_name: str, operation: Operation) -> list[RuleSpec]:
        """Rules that are about this operation in this type."""
        return [
            spec
            for spec in self.specs
            if (not spec.covered_types() or type_name in spec.covered_types())
            and (
                operation.name in spec.covered_operations()
                or (not spec.covered_operations() and operation.is_controlled)
            )
        ]

    def facts_needed(self, type_name: str, operation: Operation) -> set[str]:
        """Names that the conditions of the rules on this operation stand on, and what its money is read from."""
        needed = {name for spec in self.bearing(type_name, operation) for name in self._names[spec.name]}
        if isinstance(operation.money, Mapping):
            needed.add(str(operation.money["fact"]))
        return needed

    def facts_of(self, verdict: Verdict) -> set[str]:
        """Names that the rules of a verdict compared."""
        return {name for one in verdict.results for name in self._names.get(one.name, ())}

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        return {spec.name: facts_in(spec.condition()) for spec in self.specs}

    def standing_of(self, operation: str) -> list[int]:
        """Rules that may pre-approve this operation: those that name it, and those that name none."""
        named = {name: self._operations(name) for name in self.standing}
        return [row.rule_id for name, row in self.standing.items() if not named[name] or operation in named[name]]

    def capped(self, operation: str) -> list[int]:
        """Of these, the rules whose standing approval counts what was done before: those are counted under a lock."""
        counting = {spec.name for spec in self.specs if _counts(spec.then.get("standing_approval"))}
        by_id = {row.rule_id: name for name, row in self.standing.items()}
        return [rule_id for rule_id in self.standing_of(operation) if by_id[rule_id] in counting]

    def names_operation(self, type_name: str, operation: str) -> bool:
        """Whether a rule that asks or forbids names this operation (it raises a call of a lower level)."""
        return any(
            operation in spec.covered_operations()
            and (not spec.covered_types() or type_name in spec.covered_types())
            and "standing_approval" not in spec.then
            for spec in self.specs
        )

    def _operations(self, rule: str) -> tuple[str, ...]:
        return next((spec.covered_operations() for spec in self.specs if spec.name == rule), ())


def _counts(cap: Any) -> bool:
    return not isinstance(cap, Mapping) or bool(_COUNTED & cap.keys())  # a malformed one locks, to be safe


def facts_in(condition: Mapping[str, Any]) -> set[str]:
    """Names of facts that a rule's condition stands on, without their paths."""
    names: set[str] = set()
    for leaf in conditions.leaves(condition):
        names |= _side(leaf)
        if isinstance(leaf.get("value"), Mapping):
            names |= _side(leaf["value"])
    return names


def _side(side: Mapping[str, Any]) -> set[str]:
    if "fact" in side:
        return {str(side["fact"]).split(".")[0].split("[")[0]}
    if "formula" in side:
        return roots(str(side["formula"]))
    return set()


_live: dict[str, LiveRules] = {}
_lock = Lock()


def live_rules(config: Configuration) -> LiveRules:
    """The rules in force under this configuration."""
    with _lock:
        if config.stamp not in _live:
            _live.clear()
            _live[config.stamp] = _read()
        return _live[config.stamp]


def _read() -> LiveRules:
    rows = list(Rule.objects.filter(active=True, retired=False).order_by("name"))
    specs = tuple(
        RuleSpec(
            name=row.name,
            version=row.version,
            when=row.when,
            then=row.then,
            sentence=say(row.sentence, "en"),
            types=tuple(row.when.get("types") or ()),
            operations=tuple(row.when.get("operations") or ()),
        )
        for row in rows
    )
    standing = StandingApproval.objects.filter(rule__in=rows).select_related("rule", "confirmed_by")
    named = User.objects.filter(username__in=[row.by for row in standing])
    return LiveRules(
        specs=specs,
        ids={row.name: row.pk for row in rows},
        sentences={row.name: row.sentence for row in rows},
        standing={row.rule.name: row for row in standing},
        people={one.username: one.get_full_name() or one.username for one in named},
    )
