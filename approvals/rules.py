"""Judges one write by the rules: who must decide, or that nobody may. Pure: no queries, no clock.

The strictest rule wins and their order never matters: forbid > more approvals or a higher team > one approval
> standing approval > nothing. What cannot be told asks a person. The same function serves live judging, the
preview and the backtest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from approvals.asking import Ask, EscalationLines, covers, merge
from cases import conditions
from cases.texts import in_each, in_words, say
from cases.values import UNKNOWN, number

Kind = Literal["forbid", "ask", "standing", "nothing"]
RANK: dict[str, int] = {"nothing": 0, "standing": 1, "ask": 2, "forbid": 3}
HIDDEN = "•••"  # what stands in every record for a secret argument
_BELOW_CONTROLLED = frozenset({"reference", "case", "internal"})
_CAPS = ("up_to", "per_day", "total_per_day", "total")

__all__ = ["Ask", "EscalationLines", "Verdict", "bears", "combine", "judge"]  # the first two from approvals.asking


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One published rule. `when` is the map's (its `types` and `operations` may stand in it or beside it)."""

    name: str
    version: int
    when: Mapping[str, Any]
    then: Mapping[str, Any]
    sentence: str = ""
    types: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    def covered_types(self) -> tuple[str, ...]:
        """The request types it is about; none means all."""
        return tuple(self.types or self.when.get("types") or ())

    def covered_operations(self) -> tuple[str, ...]:
        """The operations it names; none means every controlled write."""
        return tuple(self.operations or self.when.get("operations") or ())

    def condition(self) -> dict[str, Any]:
        """The condition tree alone."""
        return condition_of(self.when)


def condition_of(when: Mapping[str, Any]) -> dict[str, Any]:
    """A rule's `when` without what it is about."""
    return {key: value for key, value in when.items() if key not in ("types", "operations")}


@dataclass(frozen=True, slots=True)
class WriteView:
    """One write as rules see it. `money`: the amount in company currency, None if none moves, or UNKNOWN."""

    operation: str
    level: str  # reference | case | internal | controlled; anything else counts as controlled
    kind: str = "write"
    arguments: Mapping[str, Any] | None = None
    money: object = None
    secret: tuple[str, ...] = ()  # arguments that are compared, and told to nobody

    @property
    def is_controlled(self) -> bool:
        """Level 4: never without an approval."""
        return self.level not in _BELOW_CONTROLLED


@dataclass(frozen=True, slots=True)
class StandingCap:
    """A standing approval that covers this write, if it is in force and its places are not used up."""

    rule: str
    version: int
    operation: str
    by: str
    up_to: Decimal | None = None
    per_day: int | None = None
    total_per_day: Decimal | None = None
    total: Decimal | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule made of the write, with the values it compared."""

    name: str
    version: int
    sentence: str
    compared: tuple[dict[str, Any], ...]
    result: Literal["matched", "not matched", "unknown"]
    effect: str  # forbid | ask | standing_approval
    won: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it for the record, the fingerprint's page and the API."""
        return {
            "name": self.name,
            "version": self.version,
            "sentence": self.sentence,
            "compared": list(self.compared),
            "result": self.result,
            "effect": self.effect,
            "won": self.won,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a write, or of all writes of an option.

    `asks`: who is asked, lowest stage first (an ask of stage 1 begins when stage 0 has agreed).
    `lacked`: what was unknown. `fallback`: who is asked where the standing approvals turn out not to cover it.
    """

    kind: Kind
    asks: tuple[Ask, ...] = ()
    results: tuple[RuleResult, ...] = ()
    lacked: tuple[str, ...] = ()
    standing: tuple[StandingCap, ...] = ()
    reasons: tuple[str, ...] = ()
    fallback: tuple[Ask, ...] = ()

    @property
    def order(self) -> str:
        """`one_after_the_other` if there are stages, else `at_once`."""
        return "one_after_the_other" if any(ask.stage for ask in self.asks) else "at_once"

    @property
    def exclusive(self) -> bool:
        """No person may answer for two asks: so it is, unless the rules of all of them say `exclusive: false`."""
        return not (self.asks and all(ask.shared for ask in self.asks))

    @property
    def people(self) -> int:
        """How many answers are needed in all."""
        return sum(ask.people for ask in self.asks)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One rule that bears on the write, with what it demands."""

    rule: RuleSpec
    result: RuleResult
    forbids: str | None = None
    asks: tuple[Ask, ...] = ()
    standing: StandingCap | None = None
    lacked: tuple[str, ...] = ()


def judge(
    rules: Iterable[RuleSpec],
    *,
    request_type: str,
    write: WriteView,
    look: conditions.Look,
    lines: EscalationLines,
    lead_team: str,
    zone: tzinfo | None = None,
    currency: str | None = None,
) -> Verdict:
    """Return the verdict on one write. `lead_team` decides where no rule says who, and where one is unknown.

    A rule that cannot be judged (a broken condition, an unknown effect) counts as unknown. `zone` and
    `currency` are the company's. Errors of `look` itself go through.
    """
    bearing = sorted((r for r in rules if bears(r, request_type, write)), key=lambda r: (r.name, r.version))
    judged = [_judge_one(rule, write, look, lines, lead_team, zone, currency) for rule in bearing]
    lacked = tuple(dict.fromkeys(name for one in judged for name in one.lacked))
    return _strictest(judged, write, lines, lead_team, lacked)


def ask_lead(lead_team: str, lines: EscalationLines, reason: str = "") -> Verdict:
    """Return the verdict that the lead team decides; for what no rule judges (an option without writes)."""
    if not lead_team:
        return Verdict("forbid", reasons=(in_words(gettext_noop("There is no team that could decide this.")),))
    return Verdict("ask", asks=(_lead(lead_team, lines),), reasons=(reason,) if reason else ())


def without_standing(verdict: Verdict, *reasons: str) -> Verdict:
    """Return the verdict where no standing approval covers it after all (unconfirmed, cap reached, ended)."""
    if verdict.kind != "standing":
        return verdict
    results = tuple(replace(result, won=False) for result in verdict.results)
    kind: Kind = "ask" if verdict.fallback else "forbid"
    uncovered = in_words(gettext_noop("No standing approval covers this, so the type's lead decides."))
    why = (*reasons, uncovered)
    return replace(verdict, kind=kind, asks=verdict.fallback, standing=(), fallback=(), results=results, reasons=why)


def kept_by_people(verdict: Verdict, lead_team: str, lines: EscalationLines, reason: str) -> Verdict:
    """Return the verdict where a person decides whatever nobody would have been asked about."""
    if verdict.kind not in ("standing", "nothing"):
        return verdict
    asked = ask_lead(lead_team, lines, reason)
    results = tuple(replace(result, won=False) for result in verdict.results)
    return replace(asked, asks=verdict.fallback or asked.asks, results=results, lacked=verdict.lacked)


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on an option from those on its writes: the strictest, asks combined.

    Standing only if no write asks; writes that need nothing do not count. Raises ValueError for none: an
    option without writes needs a person (see `ask_lead`).
    """
    if not verdicts:
        raise ValueError("an option without writes has no verdict of its own; it needs a person")
    kind = max((verdict.kind for verdict in verdicts), key=RANK.__getitem__)
    asks, fallback = [ask for one in verdicts for ask in one.asks], [ask for one in verdicts for ask in one.fallback]
    return Verdict(
        kind,
        asks=merge(asks)[0] if kind == "ask" else (),
        results=tuple(result for verdict in verdicts for result in verdict.results),
        lacked=tuple(dict.fromkeys(name for verdict in verdicts for name in verdict.lacked)),
        standing=tuple(c for v in verdicts for c in v.standing) if kind == "standing" else (),
        reasons=tuple(dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons)),
        fallback=merge([*asks, *fallback])[0] if kind == "standing" else (),
    )


def strictness(verdict: Verdict) -> tuple[int, int, int, int]:
    """Return what verdicts can be sorted by: kind, people asked, how high, stages. For "stricter than what
    was decided" use `stricter`, which knows that two managers are not one head."""
    height = max((-len(ask.above) for ask in verdict.asks), default=0)
    return RANK[verdict.kind], verdict.people, height, max((ask.stage for ask in verdict.asks), default=0)


def stricter(now: Verdict, decided: Verdict) -> bool:
    """Return whether `now` demands anything that `decided` did not already have: then it waits again."""
    if RANK[now.kind] != RANK[decided.kind]:
        return RANK[now.kind] > RANK[decided.kind]
    if now.kind == "standing":
        return False
    if now.exclusive and not decided.exclusive and now.people > 1:
        return True
    return not all(any(covers(had, ask) for had in decided.asks) for ask in now.asks)


# --- one rule ---


def bears(rule: RuleSpec, request_type: str, write: WriteView) -> bool:
    """A rule that names no operation is about controlled writes; only by naming it raises a lower level."""
    types, operations = rule.covered_types(), rule.covered_operations()
    if types and request_type not in types:
        return False
    return write.operation in operations if operations else write.is_controlled


def _judge_one(
    rule: RuleSpec,
    write: WriteView,
    look: conditions.Look,
    lines: EscalationLines,
    lead_team: str,
    zone: tzinfo | None,
    currency: str | None,
) -> _Judged:
    effect = _effect(rule.then)
    try:
        outcome = conditions.judge(rule.condition(), look, zone=zone, currency=currency)
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        outcome = conditions.Outcome(None, [], [_("the rule “%s” itself") % rule.name])
    compared = tuple(_told(one, write.secret) for one in outcome.compared)
    known = "unknown" if outcome.truth is None else "matched" if outcome.truth else "not matched"
    result = RuleResult(rule.name, rule.version, rule.sentence, compared, known, effect or "ask")  # type: ignore[arg-type]
    if outcome.truth is False:
        return _Judged(rule, result)
    lacked = tuple(outcome.unknown) if outcome.truth is None else ()
    if effect == "standing_approval":
        standing = _standing(rule, write) if outcome.truth else None
        return _Judged(rule, result, standing=standing, lacked=lacked)
    then = rule.then if outcome.truth else rule.then.get("if_unknown") or {"ask": lead_team}
    return _demand(rule, result, then, lines, lead_team, lacked)


def _told(one: conditions.Compared, secret: Sequence[str]) -> dict[str, Any]:
    """What was compared, for the record. Either side of a comparison with a secret argument would tell it."""
    told = one.as_json()
    if secret and one.arguments() & {*secret, "*"}:
        told |= {"left_value": HIDDEN, "right_value": HIDDEN}
    return told


def _effect(then: Mapping[str, Any]) -> str | None:
    if "forbid" in then:
        return "forbid"
    if "stages" in then or "ask" in then:
        return "ask"
    return "standing_approval" if isinstance(then.get("standing_approval"), Mapping) else None


def _demand(
    rule: RuleSpec,
    result: RuleResult,
    then: Mapping[str, Any],
    lines: EscalationLines,
    lead_team: str,
    lacked: tuple[str, ...],
) -> _Judged:
    if "forbid" in then:
        return _Judged(rule, result, forbids=in_each(partial(say, then["forbid"])), lacked=lacked)
    parts = then.get("stages") or [then]
    in_turn = then.get("order", "one_after_the_other") == "one_after_the_other"
    asks = []
    for index, part in enumerate(parts):
        whole = {**{key: then[key] for key in ("within", "calendar", "if_nobody") if key in then}, **part}
        one = _ask(rule, whole, lines, lead_team, index if in_turn else 0, len(parts) > 1)
        asks.append(replace(one, shared="stages" in then and then.get("exclusive", True) is False))
    return _Judged(rule, result, asks=tuple(asks), lacked=lacked)


def _ask(
    rule: RuleSpec, part: Mapping[str, Any], lines: EscalationLines, lead_team: str, stage: int, staged: bool
) -> Ask:
    team = str(part.get("ask") or lead_team)
    people = part.get("people", 1)
    if_nobody = part.get("if_nobody")
    return Ask(
        team=team,
        people=people if isinstance(people, int) and people > 0 else 1,
        within=part.get("within"),
        calendar=part.get("calendar"),
        if_nobody=dict(if_nobody) if isinstance(if_nobody, Mapping) else None,
        rules=(rule.name,),
        stage=stage,
        staged=staged,
        above=lines.above(team),
    )


def _standing(rule: RuleSpec, write: WriteView) -> StandingCap | None:
    """The cap if this one write fits it; what was used before is counted by the caller, under its lock."""
    then = rule.then["standing_approval"]
    caps = {name: number(then[name]) for name in _CAPS if then.get(name) is not None}
    if any(cap is UNKNOWN for cap in caps.values()) or not write.is_controlled:
        return None
    moved: object = Decimal(0) if write.money is None else number(write.money)
    if not isinstance(moved, Decimal) or moved < 0:
        return None  # an odd amount never passes by itself
    if any(isinstance(cap, Decimal) and moved > cap for name, cap in caps.items() if name != "per_day"):
        return None
    per_day = caps.pop("per_day", None)
    return StandingCap(
        rule.name,
        rule.version,
        write.operation,
        str(then.get("by", "")),
        per_day=int(per_day) if isinstance(per_day, Decimal) else None,
        until=None if then.get("until") is None else str(then["until"]),
        **{name: cap for name, cap in caps.items() if isinstance(cap, Decimal)},
    )


# --- all rules together ---


def _lead(lead_team: str, lines: EscalationLines) -> Ask:
    return Ask(team=lead_team, above=lines.above(lead_team))


def _strictest(
    judged: Sequence[_Judged],
    write: WriteView,
    lines: EscalationLines,
    lead_team: str,
    lacked: tuple[str, ...],
) -> Verdict:
    forbids = [one for one in judged if one.forbids is not None]
    if forbids:
        return _verdict("forbid", judged, {one.rule.name for one in forbids}, lacked, _reasons(judged))
    demanded = [ask for one in judged for ask in one.asks]
    if any(not ask.team for ask in demanded) or (not demanded and write.is_controlled and not lead_team):
        no_team = (in_words(gettext_noop("There is no team that could decide this.")),)
        return _verdict("forbid", judged, set(), lacked, no_team)
    if demanded:
        asks, won = merge(demanded)
        return replace(_verdict("ask", judged, won, lacked, _reasons(judged)), asks=asks)
    if not write.is_controlled:
        return _verdict("nothing", judged, set(), lacked, ())
    standing = tuple(one.standing for one in judged if one.standing is not None)
    fallback = (_lead(lead_team, lines),)
    if standing:
        verdict = _verdict("standing", judged, {cap.rule for cap in standing}, lacked, _reasons(judged))
        return replace(verdict, standing=standing, fallback=fallback)
    unruled = in_words(gettext_noop("No rule says who decides, so the type's lead does."))
    reasons = (*_reasons(judged), unruled)
    return replace(_verdict("ask", judged, set(), lacked, reasons), asks=fallback)


def _verdict(
    kind: Kind, judged: Sequence[_Judged], won: set[str], lacked: tuple[str, ...], reasons: tuple[str, ...]
) -> Verdict:
    results = tuple(
        replace(one.result, won=True) if one.rule.name in won and one.result.result != "not matched" else one.result
        for one in judged
    )
    return Verdict(kind, results=results, lacked=lacked, reasons=reasons)


def _reasons(judged: Sequence[_Judged]) -> tuple[str, ...]:
    """Forbidding words first, then what is unknown."""
    words = [one.forbids for one in judged if one.forbids]
    needs = gettext_noop("Not known: %(names)s, which the rule “%(rule)s” needs.")
    words += [in_words(needs, names=", ".join(one.lacked), rule=one.rule.name) for one in judged if one.lacked]
    return tuple(dict.fromkeys(words))
