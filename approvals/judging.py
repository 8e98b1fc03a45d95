"""The judge that is handed down to floor 2: live rules on fresh facts, counts and caps under their locks.

`prepare` looks up what the rules need, with no transaction open. `judge` runs inside the reserving transaction and
calls no system. What the verdict is made of is pure and lives in `rules.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop as _

from agents.configuration import Configuration
from agents.facts import FactFinder, stands_on
from agents.history import count_and_sum, lock_subjects
from agents.judge import Judged, Option, PlannedWrite, Prepared
from agents.models import Operation, Proposal, Write
from agents.money import money_of
from agents.proposing import REJECT
from approvals import raising, rules
from approvals.asking import EscalationLines, ask_of, unanswered, unanswered_by
from approvals.live_rules import LiveRules, live_rules
from approvals.models import Approval, StandingApproval
from cases import rows
from cases.ledger import Entry
from cases.models import Case
from cases.plainly import plain
from cases.texts import in_words, joined
from cases.values import UNKNOWN, dig


@dataclass(frozen=True)
class FactLook:
    """`conditions.Look` over a fact finder and one write's arguments."""

    finder: FactFinder
    arguments: Mapping[str, Any]

    def fact(self, name: str) -> object:
        root, _dot, path = name.partition(".")
        value = self.finder.find(root).value
        return dig(value, path) if path and value is not UNKNOWN else value

    def argument(self, path: str) -> object:
        return dig(self.arguments, path)

    def formula(self, text: str) -> object:
        return self.finder.formula(text)[0]


class Judging:
    """Floor 3 as `agents.judge.Judge`."""

    def prepare(self, finder: FactFinder, options: Sequence[Option]) -> Prepared:
        """Look up afresh every fact that a rule on these writes names, except counts (they come under the locks)."""
        live = live_rules(finder.config)
        prepared = Prepared(finder)
        for option in options:
            for write in option.writes:
                needed = live.facts_needed(finder.type.row.name, write.operation)
                own = _for_write(finder, write)
                for name in sorted(needed):
                    if finder.needs_history(name):
                        continue
                    if finder.needs_argument(name):
                        own.find(name)
                    else:
                        prepared.facts[name] = finder.find(name)
                prepared.per_write[option.name, write.name] = own
        return prepared

    def judge(
        self,
        config: Configuration,
        case: Case,
        prepared: Prepared,
        options: Sequence[Option],
        *,
        proposer_user_id: int | None,
        now: datetime,
        leave_out: tuple[Any, ...] = (),
    ) -> dict[str, Judged]:
        live = live_rules(config)
        lines = EscalationLines(config.lines)
        type_ = config.type_of(case)
        lead = type_.row.lead.name if type_ else ""
        lock_subjects(self._keys(live, config, case, prepared, options))
        standing = _Standing(live, config, {proposer_user_id, case.opened_by_id}, now, leave_out)
        judged: dict[str, Judged] = {}
        for option in options:
            verdict, covered = self._option(live, config, case, prepared, option, lines, lead, standing, now, leave_out)
            if case.ai_only_drafts and proposer_user_id is None:
                why = in_words(_("People keep the writing of this case: the AI may only draft."))
                verdict, covered = rules.kept_by_people(verdict, lead, lines, why), {}
            judged[option.name] = _judged(option.name, verdict, covered, live)
        return judged

    def _option(
        self,
        live: LiveRules,
        config: Configuration,
        case: Case,
        prepared: Prepared,
        option: Option,
        lines: EscalationLines,
        lead: str,
        standing: "_Standing",
        now: datetime,
        leave_out: tuple[Any, ...],
    ) -> tuple[rules.Verdict, dict[str, int]]:
        if not option.writes:
            return rules.ask_lead(lead, lines), {}
        verdicts: list[rules.Verdict] = []
        covered: dict[str, int] = {}
        used_here: list[tuple[int, Decimal]] = []
        earlier: list[dict[str, Any]] = []
        type_name = case.type.name if case.type else ""
        for write in option.writes:
            finder = _under_lock(prepared, option.name, write, tuple(earlier), leave_out, now)
            money = _money(write, config, finder)
            view = rules.WriteView(
                write.operation.name,
                write.operation.level,
                write.operation.kind,
                write.arguments,
                money,
                tuple(write.operation.secret),
            )
            verdict = rules.judge(
                live.specs,
                request_type=type_name,
                write=view,
                look=FactLook(finder, write.arguments),
                lines=lines,
                lead_team=lead,
                zone=config.zone,
                currency=config.company.currency,
            )
            prepared.facts |= {name: f for name, f in finder.found.items() if name in live.facts_of(verdict)}
            if verdict.kind == "standing":
                verdict, rule_id = standing.check(verdict, money, used_here)
                if rule_id is not None:
                    covered[write.name] = rule_id
                    used_here.append((rule_id, money if isinstance(money, Decimal) else Decimal(0)))
            verdicts.append(verdict)
            amount = money if isinstance(money, Decimal) else None
            earlier.append({"operation": write.operation.name, "arguments": dict(write.arguments), "money": amount})
        return _with_telling_reasons(rules.combine(verdicts), verdicts), covered

    def _keys(
        self, live: LiveRules, config: Configuration, case: Case, prepared: Prepared, options: Sequence[Option]
    ) -> set[str]:
        """What to lock: whatever a count, sum or cap of these writes stands on."""
        keys: set[str] = set()
        for option in options:
            for write in option.writes:
                operation = write.operation
                keys |= {f"rule:{rule_id}" for rule_id in live.capped(operation.name)}
                needed = live.facts_needed(prepared.finder.type.row.name, operation)
                if any(prepared.finder.needs_history(name) for name in needed):
                    keys.add(f"customer:{case.customer}" if case.customer else f"operation:{operation.name}")
                    if not _by_customer(prepared.finder, needed):
                        keys.add(f"operation:{operation.name}")
        return keys

    def ask(
        self,
        config: Configuration,
        case: Case,
        proposal: Proposal,
        writes: Sequence[Write],
        judged: Judged,
        *,
        why: str,
        now: datetime,
    ) -> list[Entry]:
        return raising.ask(config, case, proposal, writes, judged, why=why, now=now)

    def settled(self, proposal: Proposal, judged: Judged) -> bool:
        if judged.kind == "forbid":
            return False
        if judged.kind in ("standing", "nothing"):
            return True
        decided = rows.read(
            Approval, "proposal_id = %s AND state = 'decided'", [proposal.pk], "ORDER BY decided_at DESC LIMIT 1"
        )
        if not decided:
            return False
        if judged.data.get("exclusive", True) and not decided[0].exclusive and _one_answered_twice(decided[0]):
            return False
        wanted = [ask_of(one) for one in judged.asks]
        if judged.option == REJECT:  # it may end before everybody who was asked has answered
            given = decided[0].decisions.filter(undone_at=None, option=REJECT)
            return not unanswered_by(given.values_list("team", flat=True), wanted)
        return not unanswered([ask_of(one) for one in decided[0].asks], wanted)

    def raises(self, config: Configuration, case: Case, operation: Operation) -> bool:
        if case.ai_only_drafts:
            return True
        type_name = case.type.name if case.type else ""
        return live_rules(config).names_operation(type_name, operation.name)

    def permit_source(self, write: Write) -> str:
        return write.permit_source


def _with_telling_reasons(verdict: rules.Verdict, verdicts: Sequence[rules.Verdict]) -> rules.Verdict:
    """Where a rule forbids or says who decides, what holds for the option's other writes need not be read."""
    if verdict.kind == "forbid":
        telling = [one for one in verdicts if one.kind == "forbid"]
    elif verdict.kind == "ask" and any(ask.rules for ask in verdict.asks):
        telling = [one for one in verdicts if one.lacked or any(ask.rules for ask in one.asks)]
    else:
        return verdict
    return replace(verdict, reasons=tuple(dict.fromkeys(reason for one in telling for reason in one.reasons)))


def _for_write(finder: FactFinder, write: PlannedWrite) -> FactFinder:
    """A finder for the facts of one write: everything found so far, and the write's own arguments."""
    return replace(
        finder,
        argument=write.arguments,
        operation=write.operation.name,
        given={**finder.given, **finder.found},
        found={},
        with_history=False,
        _busy=set(),
    )


def _under_lock(
    prepared: Prepared,
    option: str,
    write: PlannedWrite,
    earlier: tuple[Mapping[str, Any], ...],
    leave_out: tuple[Any, ...],
    now: datetime,
) -> FactFinder:
    """The write's facts again, now with the counts; nothing is looked up any more: no system inside a transaction."""
    own = prepared.per_write[option, write.name]
    shared = {**prepared.finder.given, **prepared.finder.found}
    known = {**shared, **own.found}
    given = {name: found for name, found in known.items() if not own.needs_history(name)}
    return replace(
        own,
        given=given,
        found={},
        earlier=earlier,
        leave_out=leave_out,
        with_history=True,
        now=now,
        read=_not_now,
        _busy=set(),
    )


def _not_now(operation: Operation, arguments: Mapping[str, Any], purpose: str) -> tuple[bool, Any, str]:
    return False, None, in_words(_("It was not looked up in time."))


def _money(write: PlannedWrite, config: Configuration, finder: FactFinder) -> Any:
    """The money of a write as rules see it; another currency than the company's counts as unknown."""
    spec = write.operation.money
    fact = finder.find(str(spec["fact"])).value if isinstance(spec, Mapping) else UNKNOWN
    amount, currency = money_of(write.operation, write.arguments, company=config.company.currency, fact=fact)
    if amount is None:
        return None
    return amount if currency == config.company.currency else UNKNOWN


def _by_customer(finder: FactFinder, needed: set[str]) -> bool:
    """Whether every count among the needed facts is by customer, so that the customer's lock serialises it."""
    for name in needed:
        names = {name, *stands_on(finder.type, name)[0]}
        for fact in (finder.type.facts[n] for n in names if n in finder.type.facts):
            for source in fact.sources:
                if source.kind == "history" and "customer" not in source.settings["history"].get("same", []):
                    return False
    return True


@dataclass
class _Standing:
    """Whether a standing approval in force still has room, counted under its lock."""

    live: LiveRules
    config: Configuration
    askers: set[int | None]  # who made the call and who opened the case: nobody pre-approves their own
    now: datetime
    leave_out: tuple[Any, ...]

    def check(
        self, verdict: rules.Verdict, money: Any, used_here: Sequence[tuple[int, Decimal]]
    ) -> tuple[rules.Verdict, int | None]:
        """(the verdict, the rule whose place is taken); without room it asks people, with the reasons.

        `used_here`: rule and money of the earlier writes of the same option.
        """
        reasons: list[str] = []
        for cap in verdict.standing:
            row = self.live.standing.get(cap.rule)
            called = replace(cap, by=self.live.people.get(cap.by, cap.by))
            why = self._why_not(called, row, money, used_here)
            if not why and row is not None:
                by = row.confirmed_label or row.by
                words = in_words(_("Standing approval of %(by)s: %(rule)s."), by=by, rule=row.rule.shown)
                return replace(verdict, reasons=(words,)), row.rule_id
            reasons.append(why)
        return rules.without_standing(verdict, *reasons), None

    def _why_not(
        self, cap: rules.StandingCap, row: StandingApproval | None, money: Any, used_here: Sequence[tuple[int, Decimal]]
    ) -> str:
        if row is not None and row.is_confirmed and row.paused_at:
            return in_words(_("The standing approval of %(by)s is paused."), by=cap.by)
        if row is not None and row.has_left and not row.withdrawn_at:
            words = _("%(by)s, who gave the standing approval, is no longer here.")
            return in_words(words, by=row.confirmed_name or cap.by)
        if row is None or not row.in_force:
            return in_words(_("The standing approval of %(by)s is not confirmed."), by=cap.by)
        if row.confirmed_by_id is not None and row.confirmed_by_id in self.askers:
            return in_words(_("Nobody approves their own request."))
        if money is UNKNOWN:
            return in_words(_("The amount cannot be told."))
        today = self.now.astimezone(self.config.zone).date()
        if cap.until and today > date.fromisoformat(cap.until):
            return in_words(_("The standing approval ended on %(day)s."), day=cap.until)
        return self._no_room(cap, row, money, [moved for rule_id, moved in used_here if rule_id == row.rule_id])

    def _no_room(self, cap: rules.StandingCap, row: StandingApproval, money: Any, here: Sequence[Decimal]) -> str:
        midnight = self.now.astimezone(self.config.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        amount = sum(here, start=money if isinstance(money, Decimal) else Decimal(0))
        if cap.per_day is not None or cap.total_per_day is not None:
            n, total = self._used(row, midnight)
            if cap.per_day is not None and n + len(here) + 1 > cap.per_day:
                return in_words(_("It is used up for today (%(n)s a day)."), n=cap.per_day)
            if cap.total_per_day is not None and total + amount > cap.total_per_day:
                return in_words(_("It is used up for today (%(n)s in money)."), n=cap.total_per_day)
        if cap.total is not None and self._used(row, None)[1] + amount > cap.total:
            return in_words(_("It is used up (%(n)s in all)."), n=cap.total)
        return ""

    def _used(self, row: StandingApproval, since: datetime | None) -> tuple[int, Decimal]:
        places = Write.objects.filter(permit_rule=row.rule_id, placed_at__isnull=False).exclude(pk__in=self.leave_out)
        if since is not None:
            places = places.filter(placed_at__gte=since)
        return count_and_sum(places)


def _judged(option: str, verdict: rules.Verdict, covered: dict[str, int], live: LiveRules) -> Judged:
    asks = [ask.as_json() | {"above": list(ask.above)} for ask in verdict.asks]
    results = [{**one.as_json(), "sentence": live.sentences.get(one.name, {})} for one in verdict.results]
    return Judged(
        option=option,
        kind=verdict.kind,
        why=joined(verdict.reasons),
        rules=plain(results),
        asks=asks,
        standing=covered if verdict.kind == "standing" else {},
        strictness=rules.strictness(verdict),
        lacked=list(verdict.lacked),
        data={
            "kind": verdict.kind,
            "asks": asks,
            "exclusive": verdict.exclusive,
            "reasons": list(verdict.reasons),
            "lacked": list(verdict.lacked),
        },
    )


def _one_answered_twice(approval: Approval) -> bool:
    people = list(approval.decisions.filter(undone_at=None).values_list("user_id", "label"))
    return len(set(people)) < len(people)
