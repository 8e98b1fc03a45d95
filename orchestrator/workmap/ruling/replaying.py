"""What a rule would have done in past cases: judged again by the same pure rules, on what was stored with each case.

Pure but for what `past` read. A rule that does not bear on a proposal, before or after its change, leaves the verdict
as it is; only the others are judged twice.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from agents.configuration import Configuration
from agents.facts import roots
from approvals import rules
from approvals.asking import EscalationLines
from approvals.live_rules import LiveRules
from approvals.rules import RuleSpec, Verdict, WriteView
from cases import formulas
from cases.values import UNKNOWN, dig
from orchestrator.workmap.ruling.past import ABSENT, Past, PastWrite
from orchestrator.workmap.ruling.truths import Truths

SECONDS = {"low": 10, "medium": 25, "high": 90}  # of a person's time for one decision (ux.md 5.1, median by risk)
_COUNTED = ("lacking", "new_answers", "gone_answers", "teams_now", "teams_with")
_SUMS = (
    *("proposals", "matched", "asked_now", "asked_with", "asked_then", "forbidden_with", "new", "gone", "cannot_know"),
    *("unruled", "refused", "seconds_now", "seconds_with", "weeks"),
)
WEEK = 7 * 86_400
MOST_KEPT = 20_000  # verdicts that are kept while replaying


@dataclass(slots=True)
class PastLook:
    """`conditions.Look` over what was stored. `missing`: what a rule asked for that nobody had stored."""

    past: Past
    write: PastWrite
    config: Configuration
    missing: set[str] = field(default_factory=set)

    def fact(self, name: str) -> object:
        root = name.partition(".")[0].partition("[")[0]
        value = self.past.facts.get(root, ABSENT)
        if value is ABSENT or root in self.past.unsure:
            self.missing.add(root)
            return UNKNOWN
        if value is None:
            return UNKNOWN
        return value if root == name else dig(value, name[len(root) :].lstrip("."))

    def argument(self, path: str) -> object:
        return dig(self.write.arguments, path)

    def formula(self, text: str) -> object:
        names = roots(text)
        values: dict[str, Any] = {
            "argument": self.write.arguments,
            "operation": self.write.operation.name,
            "tables": self.past.type.row.tables,
        }
        for name in names - set(values) - {"now", "today"}:
            values[name] = self.fact(name)
        return formulas.evaluate(text, values, now=self.past.at, zone=self.config.zone)


@dataclass(frozen=True, slots=True)
class Line:
    """One proposal in the table: what was asked now and would be with the rule."""

    case_id: int
    money: Decimal
    now: str  # the kind of verdict: ask, forbid, standing, nothing
    teams_now: tuple[str, ...]
    then: str
    teams_then: tuple[str, ...]
    answer: str

    @property
    def changed(self) -> bool:
        return (self.now, self.teams_now) != (self.then, self.teams_then)


@dataclass(slots=True)
class Result:
    """The sums. `new` and `gone`: asked with the rule and not now, and the other way round."""

    proposals: int = 0
    matched: int = 0
    asked_now: int = 0
    asked_with: int = 0
    asked_then: int = 0
    forbidden_with: int = 0
    new: int = 0
    gone: int = 0
    cannot_know: int = 0
    unruled: int = 0
    refused: int = 0
    money: Decimal = Decimal(0)
    seconds_now: int = 0
    seconds_with: int = 0
    lacking: Counter[str] = field(default_factory=Counter)
    new_answers: Counter[str] = field(default_factory=Counter)
    gone_answers: Counter[str] = field(default_factory=Counter)
    teams_now: Counter[str] = field(default_factory=Counter)
    teams_with: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    lines: list[Line] = field(default_factory=list)
    refused_lines: deque[Line] = field(default_factory=lambda: deque(maxlen=5))

    @property
    def weeks(self) -> float:
        """How long the cases stretch over, at least a week."""
        if self.first is None or self.last is None:
            return 1.0
        return max(1.0, (self.last - self.first).total_seconds() / WEEK)

    def as_json(self) -> dict[str, Any]:
        """The sums for a stored run, without the lines of single cases."""
        return {
            **{name: getattr(self, name) for name in _SUMS},
            "money": str(self.money),
            **{name: dict(getattr(self, name)) for name in _COUNTED},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Result":
        """The sums of a stored run, to say them in words again."""
        first = datetime(2000, 1, 1)  # only the length of the period is said
        sums = {name: stored[name] for name in stored if name not in (*_COUNTED, "money", "weeks")}
        counted: dict[str, Any] = {name: Counter(stored[name]) for name in _COUNTED}
        last = first + timedelta(weeks=stored["weeks"])
        return cls(money=Decimal(stored["money"]), first=first, last=last, **sums, **counted)


class Replay:
    """Rules in force beside the same with one of them changed, added or (None) taken out."""

    def __init__(
        self, config: Configuration, live: LiveRules, *, name: str, changed: RuleSpec | None, most_lines: int = 200
    ) -> None:
        self.config, self.live, self.name, self.changed = config, live, name, changed
        self.lines = EscalationLines(config.lines)
        self.zone, self.currency = config.zone, config.company.currency
        self.rest = tuple(spec for spec in live.specs if spec.name != name)
        self.with_it = (*self.rest, changed) if changed is not None else self.rest
        self.most_lines = most_lines
        self.result = Result()
        self._bearing: dict[tuple[int, str, str], tuple[tuple[RuleSpec, ...], Truths]] = {}
        self._verdicts: dict[Any, Verdict] = {}
        self._whole: dict[Any, Verdict] = {}
        self._own_truth = None if changed is None else Truths([changed], zone=self.zone, currency=self.currency)

    def add(self, pasts: Iterable[Past]) -> None:
        for past in pasts:
            self._one(past)

    def _one(self, past: Past) -> None:
        result, looks = self.result, [PastLook(past, write, self.config) for write in past.writes]
        now = self._verdict(past, self.live.specs, looks, "now")
        matched, bears, missing = self._own(past)
        same = not bears and not any(r.name == self.name and r.result != "not matched" for r in now.results)
        then = now if same else self._verdict(past, self.with_it, looks, "with")
        result.proposals += 1
        result.matched += matched
        result.cannot_know += bool(missing)
        result.lacking.update(missing)
        result.money += past.money if matched else Decimal(0)
        self._count(past, now, then)
        result.first = past.at if result.first is None else min(result.first, past.at)
        result.last = past.at if result.last is None else max(result.last, past.at)

    def _count(self, past: Past, now: Verdict, then: Verdict) -> None:
        result, seconds = self.result, SECONDS.get(past.risk, SECONDS["medium"])
        asked_now, asked_with = now.kind == "ask", then.kind == "ask"
        result.asked_now += asked_now
        result.asked_with += asked_with
        result.asked_then += past.asked_then
        result.forbidden_with += then.kind == "forbid"
        result.seconds_now += seconds * now.people if asked_now else 0
        result.seconds_with += seconds * then.people if asked_with else 0
        result.teams_now.update(ask.team for ask in now.asks)
        result.teams_with.update(ask.team for ask in then.asks)
        if asked_with and not asked_now:
            result.new += 1
            result.new_answers[past.answer] += 1
        if asked_now and not asked_with:
            result.gone += 1
            result.gone_answers[past.answer] += 1
        line = Line(
            past.case_id,
            past.money,
            now.kind,
            tuple(ask.team for ask in now.asks),
            then.kind,
            tuple(ask.team for ask in then.asks),
            past.answer,
        )
        if line.changed and len(result.lines) < self.most_lines:
            result.lines.append(line)
        result.unruled += asked_with and not any(ask.rules for ask in then.asks) and not then.lacked
        if asked_now and then.kind in ("standing", "nothing") and past.answer == "refused":
            result.refused += 1
            result.refused_lines.append(line)

    def _own(self, past: Past) -> tuple[bool, bool, set[str]]:
        """Whether the changed rule matches; whether it bears at all (matches or is unknown); what the replay lacked."""
        matched, bears, missing = False, False, set[str]()
        if self.changed is None or self._own_truth is None:
            return False, False, missing
        for write in past.writes:
            if not rules.bears(self.changed, past.type.row.name, _view(write, self.currency)):
                continue
            look = PastLook(past, write, self.config)
            (truth,) = self._own_truth.of(look)
            matched, bears = matched or truth is True, bears or truth is not False
            if truth is None:
                missing |= look.missing
        return matched, bears, missing

    def _verdict(self, past: Past, specs: Sequence[RuleSpec], looks: Sequence[PastLook], which: str) -> Verdict:
        pairs = zip(past.writes, looks, strict=True)
        judged = [self._judged(past, write, specs, look, which) for write, look in pairs]
        key = tuple(key for key, _verdict in judged)
        if key not in self._whole:
            if len(self._whole) > MOST_KEPT:
                self._whole.clear()
            self._whole[key] = rules.combine([verdict for _key, verdict in judged])
        return self._whole[key]

    def _judged(
        self, past: Past, write: PastWrite, specs: Sequence[RuleSpec], look: PastLook, which: str
    ) -> tuple[Any, Verdict]:
        """Writes for which the same rules hold have the same verdict: it is judged once. What a standing approval
        lets pass depends on the money too."""
        type_name, view = past.type.row.name, _view(write, self.currency)
        place = (past.type.row.pk, write.operation.name, which)
        if place not in self._bearing:
            bearing = tuple(spec for spec in specs if rules.bears(spec, type_name, view))
            self._bearing[place] = (bearing, Truths(bearing, zone=self.zone, currency=self.currency))
        bearing, truths = self._bearing[place]
        hold = truths.of(look)
        caps = any(truth and "standing_approval" in spec.then for truth, spec in zip(hold, bearing, strict=True))
        key = (*place, hold, (view.money,) if caps else view.money is UNKNOWN)
        if key not in self._verdicts:
            verdict = rules.judge(
                bearing,
                request_type=type_name,
                write=view,
                look=look,
                lines=self.lines,
                lead_team=past.type.row.lead.name,
                zone=self.zone,
                currency=self.currency,
            )
            if len(self._verdicts) > MOST_KEPT:
                self._verdicts.clear()
            self._verdicts[key] = self._standing(verdict)
        return key, self._verdicts[key]

    def _standing(self, verdict: Verdict) -> Verdict:
        """Standing approvals that are not confirmed count for nothing; the changed rule as if it was confirmed."""
        if verdict.kind != "standing":
            return verdict
        in_force = tuple(
            cap for cap in verdict.standing if cap.rule == self.name or _in_force(self.live.standing.get(cap.rule))
        )
        return replace(verdict, standing=in_force) if in_force else rules.without_standing(verdict)


def _in_force(row: Any) -> bool:
    return row is not None and bool(row.in_force)


def _view(write: PastWrite, currency: str) -> WriteView:
    ours = write.money is None or write.currency in ("", currency)
    operation = write.operation
    return WriteView(operation.name, operation.level, operation.kind, write.arguments, write.money if ours else UNKNOWN)


def spec_of(rule: Mapping[str, Any], version: int = 0) -> RuleSpec:
    """A rule of the page as the rules judge it."""
    when = rule.get("when", {})
    return RuleSpec(
        str(rule["name"]),
        version,
        when,
        rule["then"],
        types=tuple(when.get("types") or ()),
        operations=tuple(when.get("operations") or ()),
    )
