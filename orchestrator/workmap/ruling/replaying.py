"""What a rule would have done in past cases: judged again by the same pure rules, on what was stored with each case.

Pure but for what `past` read. A rule that does not bear on a proposal, before or after its change, leaves the verdict
as it is; only the others are judged twice.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _

from agents.configuration import Configuration
from agents.facts import roots
from approvals import rules
from approvals.asking import EscalationLines
from approvals.live_rules import LiveRules
from approvals.rules import RuleSpec, StandingCap, Verdict, WriteView
from cases import conditions, formulas
from cases.values import UNKNOWN, dig
from orchestrator.workmap.checking.book import root
from orchestrator.workmap.ruling.caps import Places
from orchestrator.workmap.ruling.deciding import deciding
from orchestrator.workmap.ruling.past import ABSENT, Past, PastWrite
from orchestrator.workmap.ruling.results import Line, Result
from orchestrator.workmap.ruling.truths import Truths

SECONDS = {"low": 10, "medium": 25, "high": 90}  # of a person's time for one decision (ux.md 5.1, median by risk)
MOST_KEPT = 20_000  # verdicts that are kept while replaying
MOST_MARKS = 300  # values by which gaps are counted


def _are_plain(facts: Mapping[str, object]) -> bool:
    """Texts and whole numbers alone: equal ones give equal answers (True is no number here)."""
    return all(type(value) in (str, int) for value in facts.values())


@lru_cache(maxsize=2_048)
def _roots(text: str) -> frozenset[str]:
    return frozenset(roots(text))


@dataclass(slots=True)
class PastLook:
    """`conditions.Look` over what was stored. `missing`: what a rule asked for that nobody had stored."""

    past: Past
    write: PastWrite
    config: Configuration
    worked_out: dict[Any, object] = field(default_factory=dict)  # of formulas over plain facts alone, for many looks
    missing: set[str] = field(default_factory=set)
    _formulas: dict[str, object] = field(default_factory=dict)  # each is worked out once, for both courses

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
        if text not in self._formulas:
            self._formulas[text] = self._work_out(text)
        return self._formulas[text]

    def _work_out(self, text: str) -> object:
        names = _roots(text)
        values: dict[str, Any] = {
            "argument": self.write.arguments,
            "operation": self.write.operation.name,
            "tables": self.past.type.row.tables,
        }
        facts = {name: self.fact(name) for name in names - set(values) - {"now", "today"}}
        key = (text, *facts.items()) if len(facts) == len(names) and _are_plain(facts) else None
        if key is None or key not in self.worked_out:
            found = formulas.evaluate(text, {**values, **facts}, now=self.past.at, zone=self.config.zone)
            if key is None or len(self.worked_out) >= MOST_KEPT:
                return found
            self.worked_out[key] = found
        return self.worked_out[key]


class Replay:
    """Rules in force beside the same with one of them changed, added or (None) taken out.

    Proposals come in the order of time (`past.read`), so that caps are used up as they would have been. `today`: a
    standing approval that has ended by then counts no more. `one_by_one`: every write is judged on its own, so that
    its verdict says what was compared for it, and not for another one for which the same rules hold.
    """

    def __init__(
        self,
        config: Configuration,
        live: LiveRules,
        *,
        name: str,
        changed: RuleSpec | None,
        today: date,
        most_lines: int = 200,
        only_changed: bool = True,
        one_by_one: bool = False,
    ) -> None:
        self.config, self.live, self.name, self.changed, self.today = config, live, name, changed, today
        self.lines = EscalationLines(config.lines)
        self.zone, self.currency = config.zone, config.company.currency
        self.rest = tuple(spec for spec in live.specs if spec.name != name)
        self.with_it = (*self.rest, changed) if changed is not None else self.rest
        self.only_changed, self.one_by_one = only_changed, one_by_one
        self.result = Result(lines=deque(maxlen=most_lines))
        self._bearing: dict[tuple[int, str, str], tuple[tuple[RuleSpec, ...], Truths]] = {}
        self._verdicts: dict[Any, Verdict] = {}
        self._whole: dict[Any, Verdict] = {}
        self._worked_out: dict[Any, object] = {}
        self._divided: dict[tuple[int, str], tuple[tuple[str, str], ...]] = {}
        self._places: dict[str, Places] = {"now": Places(), "with": Places()}
        self._own_truth = None if changed is None else Truths([changed], zone=self.zone, currency=self.currency)

    def add(self, pasts: Iterable[Past]) -> None:
        for past in pasts:
            self._one(past)

    def verdicts(self, past: Past) -> tuple[Verdict, Verdict, bool, set[str]]:
        """Of one proposal: now, with the rule, whether the rule matches, and which facts it lacked."""
        looks = [[PastLook(past, one, self.config, self._worked_out) for one in writes] for writes in past.options]
        matched, bears, missing = self._own(past)
        judged = self._judged_all(past, self.live.specs, looks, "now")
        now, capped, now_full = self._in_course(past, judged, "now")
        touched = bears or any(r.name == self.name and r.result != "not matched" for r in now.results)
        then, then_full = now, now_full
        if touched or capped:  # where caps count, the other course may have places left or used up
            anew = self._judged_all(past, self.with_it, looks, "with") if touched else judged
            then, _capped, then_full = self._in_course(past, anew, "with")
        self.result.used_up_now += now_full
        self.result.used_up_with += then_full
        self._gaps(past, looks, then)
        return now, then, matched, missing

    def _one(self, past: Past) -> None:
        result = self.result
        now, then, matched, missing = self.verdicts(past)
        result.proposals += 1
        result.matched += matched
        result.cannot_know += bool(missing)
        result.lacking.update(missing)
        result.money += past.money if matched else Decimal(0)
        self._count(past, now, then, matched)
        result.first = past.at if result.first is None else min(result.first, past.at)
        result.last = past.at if result.last is None else max(result.last, past.at)

    def _count(self, past: Past, now: Verdict, then: Verdict, matched: bool) -> None:
        result = self.result
        asked_now, asked_with = now.kind == "ask", then.kind == "ask"
        result.asked_now += asked_now
        result.asked_with += asked_with
        result.asked_then += past.asked_then
        result.nobody += past.answer == "nobody"
        result.forbidden_with += then.kind == "forbid"
        seconds = SECONDS.get(past.risk, SECONDS["medium"])
        for verdict, course in ((now, "now"), (then, "with")):
            self._load(verdict, course, seconds)
        if asked_with and not asked_now:
            result.new += 1
            result.money_new += past.money
            result.new_answers[past.answer] += 1
        if asked_now and not asked_with:
            result.gone += 1
            result.money_gone += past.money
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
        if line.changed or (matched and not self.only_changed):
            result.lines.append(line)
        if asked_now and then.kind in ("standing", "nothing") and past.answer == "refused":
            result.refused += 1
            result.refused_lines.append(line)

    def _load(self, verdict: Verdict, course: str, seconds: int) -> None:
        """Approvals and seconds of people, by team."""
        if verdict.kind != "ask":
            return
        result = self.result
        teams = result.teams_now if course == "now" else result.teams_with
        spent = result.team_seconds_now if course == "now" else result.team_seconds_with
        for ask in verdict.asks:
            teams[ask.team] += 1
            spent[ask.team] += seconds * ask.people
        if course == "now":
            result.seconds_now += seconds * verdict.people
        else:
            result.seconds_with += seconds * verdict.people

    def _gaps(self, past: Past, looks: Sequence[Sequence[PastLook]], then: Verdict) -> None:
        """Where no rule says who decides: counted by what rules tell cases apart by, by channel and by currency."""
        result = self.result
        unruled = then.kind == "ask" and not then.lacked and not any(ask.rules for ask in then.asks)
        result.unruled += unruled
        for mark in self._marks(past, looks):
            if mark in result.marks or len(result.marks) < MOST_MARKS:
                result.marks[mark] += 1
                result.gaps[mark] += unruled

    def _marks(self, past: Past, looks: Sequence[Sequence[PastLook]]) -> set[str]:
        found = {f"channel|{past.channel}"}
        for look in chain.from_iterable(looks):
            write = look.write
            if write.currency not in ("", self.currency):
                found.add(f"currency|{write.currency}")
            for side, name in self._dividing(past, write):
                value = getattr(look, side)(name)
                if isinstance(value, str | bool):
                    found.add(f"{side} {name}|{str(value)[:40]}")
        return found

    def _dividing(self, past: Past, write: PastWrite) -> tuple[tuple[str, str], ...]:
        """Facts and arguments by whose very value the rules on this write tell cases apart; none that is masked or
        secret, because a gap is told with its value."""
        place = (past.type.row.pk, write.operation.name)
        if place not in self._divided:
            view = _view(write, self.currency)
            bearing = [spec for spec in self.with_it if rules.bears(spec, past.type.row.name, view)]
            leaves = [leaf for spec in bearing for leaf in conditions.leaves(spec.condition())]
            found = {
                (side, str(leaf[side]))
                for leaf in leaves
                for side in ("fact", "argument")
                if leaf.get("is") in ("is", "is not", "one of", "none of") and side in leaf
            }
            hidden = {*write.operation.masked, *write.operation.secret}
            self._divided[place] = tuple(
                sorted((side, name) for side, name in found if side == "fact" or root(name) not in hidden)
            )
        return self._divided[place]

    def _own(self, past: Past) -> tuple[bool, bool, set[str]]:
        """Whether the changed rule matches; whether it bears at all (matches or is unknown); what the replay lacked."""
        matched, bears, missing = False, False, set[str]()
        if self.changed is None or self._own_truth is None:
            return False, False, missing
        for write in chain.from_iterable(past.options):
            if not rules.bears(self.changed, past.type.row.name, _view(write, self.currency)):
                continue
            look = PastLook(past, write, self.config)
            (truth,) = self._own_truth.of(look)
            matched, bears = matched or truth is True, bears or truth is not False
            if truth is None:
                missing |= look.missing
        return matched, bears, missing

    def _judged_all(
        self, past: Past, specs: Sequence[RuleSpec], looks: Sequence[Sequence[PastLook]], which: str
    ) -> list[list[tuple[Any, Verdict]]]:
        return [[self._judged(past, look.write, specs, look, which) for look in option] for option in looks]

    def _in_course(
        self, past: Past, judged: Sequence[list[tuple[Any, Verdict]]], course: str
    ) -> tuple[Verdict, bool, bool]:
        """The verdict that decides; whether caps counted at all, and whether one had no room left. Only what is
        suggested can go by itself, so only there caps count."""
        options = list(judged)
        taken: list[tuple[str, Decimal]] = []
        day, full, n = None, False, past.suggested
        if n is not None and any(verdict.kind == "standing" for _key, verdict in options[n]):
            day = past.at.astimezone(self.zone).date()
            options[n], taken, full = self._with_room(past, past.options[n], options[n], day, course)
        whole = self._decided(past, options)
        if whole.kind == "standing" and day is not None:
            for rule, money in taken:
                self._places[course].take(rule, day, money)
        return whole, day is not None, full

    def _with_room(
        self, past: Past, writes: Sequence[PastWrite], alone: Sequence[tuple[Any, Verdict]], day: date, course: str
    ) -> tuple[list[tuple[Any, Verdict]], list[tuple[str, Decimal]], bool]:
        """The verdicts on the writes of one option, by the places that are left; which those take; whether all of one
        were taken."""
        judged, taken, full = list(alone), list[tuple[str, Decimal]](), False
        for n, (key, verdict) in enumerate(alone):
            if verdict.kind != "standing":
                continue
            money = writes[n].money or Decimal(0)
            caps = [cap for cap in verdict.standing if not self._is_own(cap, past)]
            cap = self._places[course].room(caps, day, money, taken)
            if cap is None:
                judged[n], full = self._without(key, verdict), True
            else:
                taken.append((cap.rule, money))
        return judged, taken, full

    def _is_own(self, cap: StandingCap, past: Past) -> bool:
        """Nobody pre-approves what they called for, or asked for, themselves."""
        row = self.live.standing.get(cap.rule)
        return row is not None and row.confirmed_by_id is not None and row.confirmed_by_id in past.askers

    def _without(self, key: Any, verdict: Verdict) -> tuple[Any, Verdict]:
        key = (key, "full")
        if key not in self._verdicts:
            self._verdicts[key] = rules.without_standing(verdict)
        return key, self._verdicts[key]

    def _decided(self, past: Past, options: Sequence[Sequence[tuple[Any, Verdict]]]) -> Verdict:
        key = (past.suggested, *[tuple([key for key, _verdict in judged]) for judged in options])
        if key not in self._whole:
            if len(self._whole) > MOST_KEPT:
                self._whole.clear()
            reason = _("The lead of the request type is asked, who can also reject it.")
            lead = rules.ask_lead(past.type.row.lead.name, self.lines, reason)
            wholes = [rules.combine([verdict for _key, verdict in judged]) if judged else lead for judged in options]
            self._whole[key] = deciding(wholes, past.suggested, lead)
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
        key = (*place, hold, (view.money,) if caps else view.money is UNKNOWN, self.one_by_one and id(write))
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
        """Standing approvals that are not confirmed, or have ended, count for nothing; the changed rule as if it was
        confirmed."""
        if verdict.kind != "standing":
            return verdict
        in_force = tuple(
            cap
            for cap in verdict.standing
            if (cap.rule == self.name or _in_force(self.live.standing.get(cap.rule))) and not self._has_ended(cap)
        )
        return replace(verdict, standing=in_force) if in_force else rules.without_standing(verdict)

    def _has_ended(self, cap: StandingCap) -> bool:
        return cap.until is not None and cap.until < self.today.isoformat()


def _in_force(row: Any) -> bool:
    return row is not None and bool(row.in_force)


def _view(write: PastWrite, currency: str) -> WriteView:
    ours = write.money is None or write.currency in ("", currency)
    operation = write.operation
    money, secret = write.money if ours else UNKNOWN, tuple(operation.secret)
    return WriteView(operation.name, operation.level, operation.kind, write.arguments, money, secret)


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
