"""What became of the rules that a waiting approval shows, and what will: it keeps the versions it began with.

Before anything is written the live rules judge again (`agents.carrying`), so this is said to people, never decided by.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, IntegerField, JSONField, QuerySet, Value

from agents.models import Write
from approvals.models import Approval, Draft, Rule
from approvals.rules import RuleSpec, WriteView, bears
from cases import conditions
from cases.values import UNKNOWN, dig


@dataclass(frozen=True, slots=True)
class Newer:
    """One rule of an approval that reads otherwise now, or from a time on. `now`: the version in force."""

    name: str
    shown: int  # the version that the approval shows; 0: it asks nothing here yet
    now: int | None  # None: the same one
    sentence: Any
    starts_at: datetime | None  # of a change that is published and has not begun
    becomes: Any  # its sentence
    surely: bool = True  # False: that it will bear on this cannot be told from what was looked up


@dataclass(frozen=True, slots=True)
class _Stored:
    """`conditions.Look` over what is stored with a proposal: nothing is looked up, no formula worked out."""

    facts: Mapping[str, Any]
    arguments: Mapping[str, Any]

    def fact(self, name: str) -> object:
        value = dig(self.facts, name)
        return UNKNOWN if value is None else value

    def argument(self, path: str) -> object:
        return dig(self.arguments, path)

    def formula(self, text: str) -> object:
        return UNKNOWN


def newer(approval: Approval, writes: Iterable[Write]) -> list[Newer]:
    """Its rules that changed or will, and those that will ask more about `writes`. One query; none if it is decided."""
    if approval.state != Approval.State.WAITING:
        return []
    shown = {str(row["name"]): int(row.get("version") or 0) for row in approval.proposal.rules if row.get("won")}
    planned: dict[str, tuple[datetime, Any, Any]] = {}
    live: dict[str, tuple[int, Any]] = {}
    for name, version, sentence, starts_at, becomes in _rows(shown):
        if starts_at is None:
            live[name] = (version, sentence)
        else:
            planned.setdefault(name, (starts_at, sentence, becomes))
    found = []
    for name, (version, sentence) in sorted(live.items()):
        starts_at, reads, _becomes = planned.get(name, (None, None, None))
        now = None if version == shown[name] else version
        if now is not None or starts_at is not None:
            found.append(Newer(name, shown[name], now, sentence, starts_at, reads))
    for name, (starts_at, reads, becomes) in sorted(planned.items(), key=lambda one: (one[1][0], one[0])):
        truth = None if name in live else _bears(name, becomes, approval, writes)
        if name not in live and truth is not False:
            found.append(Newer(name, 0, None, None, starts_at, reads, surely=truth is True))
    return found


def _rows(shown: Iterable[str]) -> Any:
    """The rules in force that are shown, and every change of a rule that is planned, the soonest first."""
    nothing, nobody = Value(None, output_field=DateTimeField()), Value(None, output_field=JSONField())
    live = Rule.objects.filter(name__in=shown).annotate(at=nothing, then_is=nobody)
    planned = Draft.objects.filter(what="rule", state=Draft.SCHEDULED).annotate(
        version=Value(0, output_field=IntegerField())
    )
    columns = live.order_by().values_list("name", "version", "sentence", "at", "then_is")
    others = planned.order_by().values_list("name", "version", "sentence", "starts_at", "becomes")
    return columns.union(others, all=True).order_by("at")


def _bears(name: str, change: Mapping[str, Any], approval: Approval, writes: Iterable[Write]) -> bool | None:
    """Whether a rule as it will be asks (or forbids) something about one of the writes that it is not asked already;
    None: that cannot be told from what is stored."""
    becomes = change.get("becomes")  # the record; None where the rule ends
    if not becomes or becomes.get("active") is False or "standing_approval" in becomes["then"]:
        return False
    rule = RuleSpec(name, 0, becomes.get("when") or {}, becomes["then"])
    if _is_asked(rule.then, approval.asks):
        return False
    type_ = approval.case.type.name if approval.case.type else ""
    facts = {name: one.get("value") for name, one in approval.case.facts.items() if isinstance(one, Mapping)}
    facts |= approval.proposal.facts
    truths: list[bool | None] = [False]
    for write in writes:
        arguments = write.proposed if write.decided is None else write.decided
        view = WriteView(write.operation.name, write.operation.level, write.operation.kind, arguments)
        if bears(rule, type_, view):
            truths.append(_holds(rule, _Stored(facts, arguments)))
    return conditions.some(truths)


def _holds(rule: RuleSpec, look: _Stored) -> bool | None:
    try:
        return conditions.judge(rule.condition(), look).truth
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        return None


def _is_asked(then: Mapping[str, Any], asks: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the very team is asked already, with as many people."""
    if "ask" not in then:
        return False
    return any(one["team"] == then["ask"] and one["people"] >= then.get("people", 1) for one in asks)


def keeping(rule: str) -> QuerySet[Approval]:
    """Approvals that wait and show a version of this rule, which they keep."""
    named = Approval.objects.filter(state=Approval.State.WAITING)
    return named.filter(proposal__rules__contains=[{"name": rule, "won": True}])
