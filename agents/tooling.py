"""The tools a brain works with: the granted operations behind the gate, for one agent on one step of one case.

A write is found again by its place in the recipe, so a recipe that is done again writes nothing twice.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext as _

from agents import carrying, configuration, executor, gate, proposing, reaching, transitions
from agents.brains.base import Done, ToolFailed
from agents.carrying import Carrier
from agents.configuration import Configuration, StepConfig, TypeConfig
from agents.errors import BadArguments, Refused
from agents.facts import FactFinder, request_values, stands_on
from agents.fields import keep_fields, seen_through
from agents.gate import Gate, Pass
from agents.judge import Option, PlannedWrite
from agents.models import Agent, Grant, Operation, Proposal, Write
from agents.proposing import Plan, Stored
from agents.reading import read_entry
from agents.stretch import LEASE, Sent, Stretch
from agents.subjects import subject_of
from cases import actors, formulas, placeholders, rows
from cases.errors import TurnPassed
from cases.models import Case
from cases.plainly import plain
from cases.texts import say
from cases.transitions import Draft
from cases.values import UNKNOWN

W = Write.State


class Later(Exception):
    """Something has to be waited for without anybody's help; the step goes on at `at`."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.at = at


@dataclass
class StepTools:
    """`agents.brains.base.Tools` for one step."""

    stretch: Stretch
    step: StepConfig
    agent: Agent
    after: Any  # what plans on, under the case lock, when a proposal is through
    started: float = field(default_factory=time.monotonic)
    _finder: FactFinder | None = None

    # ------------------------------------------------------------------ what a brain may see

    @property
    def finder(self) -> FactFinder:
        self.stretch.settle()
        if self._finder is None:
            self._finder = self.stretch.finder()
        return self._finder

    def visible_facts(self) -> Mapping[str, Any]:
        """Looked-up facts only through the grant for that operation and its fields; of the others all."""
        seen: dict[str, Any] = {}
        finder = self.finder
        for name in finder.type.facts:
            if finder.needs_argument(name):
                continue
            found = finder.find(name)
            seen[name] = self._through_grant(finder.type, name, found.value) if found.known else UNKNOWN
        return seen

    def known(self, fact: str) -> bool:
        return self.finder.find(fact).known

    def names(self) -> Mapping[str, Any]:
        return {
            "request": request_values(self.stretch.case),
            "tables": self.finder.type.row.tables,
            "steps": dict(self.finder.steps),
        }

    def evaluate(self, formula: str, values: Mapping[str, Any]) -> Any:
        return formulas.evaluate(formula, values, now=self.finder.moment, zone=self.finder.zone)

    def text(self, template: str, values: Mapping[str, Any]) -> tuple[str, set[str]]:
        row = self.finder.type.templates.get(template)
        if row is None:
            return "", {template}
        text, missing = placeholders.fill(say(row.texts, self.stretch.case.language), values)
        return str(text), missing

    def _through_grant(self, type_: TypeConfig, name: str, value: Any) -> Any:
        look_ups = [s for s in type_.facts[name].sources if s.kind == "look_up" and s.operation]
        if not look_ups:
            return value if self._may_derive(type_, name) else UNKNOWN
        for source in look_ups:
            grant = self._valid_grant(source.operation)
            if grant is not None:
                return seen_through(value, source.settings.get("path"), grant.fields)
        return UNKNOWN

    def _may_derive(self, type_: TypeConfig, name: str) -> bool:
        """A formula over looked-up facts is seen where each of those look-ups is granted."""
        names, _kinds = stands_on(type_, name)
        for other in names:
            fact = type_.facts.get(other)
            for source in fact.sources if fact else ():
                operation = source.operation if source.kind == "look_up" else None
                if operation and self._valid_grant(operation) is None:
                    return False
        return True

    def _valid_grant(self, operation: Any) -> Grant | None:
        config, case = self.stretch.config, self.stretch.case
        return gate.valid_grant(config, case, self.agent, operation, self.step.name, self.stretch.now)[0]

    # ------------------------------------------------------------------ reads

    def read(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        allowed = self._pass(operation, arguments)
        if allowed.operation.is_write:
            raise ToolFailed(_("%(name)s is not a read.") % {"name": operation})
        answer = reaching.ask(allowed.operation, allowed.arguments)
        seen = self._gate().answer(allowed, answer.data) if answer.ok else None
        self.stretch.entries.append(
            read_entry(self.actor, allowed.operation, allowed.arguments, seen, ok=answer.ok, why=answer.error)
        )
        if not answer.ok:
            raise ToolFailed(
                _("%(system)s did not give an answer: %(why)s")
                % {"system": allowed.operation.system.shown, "why": answer.error}
            )
        return seen

    # ------------------------------------------------------------------ writes

    def write(self, operation: str, arguments: Mapping[str, Any], *, place: str, name: str = "") -> Done:
        row = self.stretch.config.operations.get(operation)
        if row is None or not row.is_write:
            raise ToolFailed(_("There is no operation %(name)s that writes.") % {"name": operation})
        if row.is_controlled or self._raised(row):
            planned = self.option_write(operation, arguments, name=name)
            option = Option("do", row.title, [planned], suggested=True)
            return self.propose([option], place=place)
        return self._internal(row, arguments, place=place, name=name)

    def reply(self, text: str, *, place: str) -> Done:
        calls = self.stretch.config.calls
        if calls is None or calls.reply is None:
            raise ToolFailed(_("The company has no way to reply set up."))
        arguments, missing = executor.reply_arguments(calls, self.stretch.case, text)
        if missing:
            raise ToolFailed(_("There is no contact to reply to."))
        return self.write(calls.reply.name, arguments, place=place)

    def option_write(self, operation: str, arguments: Mapping[str, Any], *, name: str = "") -> PlannedWrite:
        row = self.stretch.config.operations.get(operation)
        if row is None or not row.is_write:
            raise ToolFailed(_("There is no operation %(name)s that writes.") % {"name": operation})
        return proposing.plan_write(row, arguments, self.stretch.config, name=name, facts=self.finder)

    def propose(self, options: Sequence[Option], *, place: str, why: str = "") -> Done:
        """Judged, then forbidden, carried out at once under a standing approval, or waiting for people."""
        known = self._proposal_at(place)
        if known is not None:
            return _done(known, known.loaded if known.loaded is not None else list(known.writes.all()))
        for option in options:
            for write in option.writes:
                allowed = self._pass(write.operation.name, write.arguments)
                self._within_limits(allowed, write)
        wanted = proposing.with_reject(options)
        prepared = self.stretch.judge.prepare(self.stretch.finder(given={}), wanted)
        plan = Plan(
            wanted,
            prepared,
            proposing.target_versions(wanted, self.stretch.config, self.stretch.reader),
            why=why,
            step=self.step.name,
            place=place,
            evidence=proposing.evidence(self.finder, self.stretch.config),
        )
        try:
            stored, carrier = self.stretch.flush(lambda case, draft: self._store(plan, case, draft))
        except Refused as refusal:
            raise self._failed(", ".join(w.operation.name for o in options for w in o.writes), refusal) from refusal
        except IntegrityError as error:
            raise self._put_off(error) from error
        self.stretch.proposals[stored.proposal.pk] = stored.proposal
        return self._carry_out(stored, carrier) if carrier is not None else _done(stored.proposal, stored.writes)

    def _store(self, plan: Plan, case: Case, draft: Draft) -> tuple[Stored, Carrier | None]:
        """Store and judge the proposal; what nobody has to be asked about is reserved in the same commit."""
        self._with_ai(case)
        run = self.stretch.run
        stored = proposing.store(
            plan,
            case,
            config=self.stretch.config,
            judge=self.stretch.judge,
            actor=self.actor,
            run=run,
            agent_id=self.agent.pk,
            now=self.stretch.now,
        )
        draft.add(*stored.entries)
        if not stored.starts:
            if stored.proposal.state in Proposal.OPEN:
                self._waits_for_people(stored, case, draft)
            return stored, None
        rows.change(stored.proposal, {"claim": 1, "lease_until": self.stretch.now + LEASE}, guard={}, missed=None)
        carrier = Carrier(
            proposal=stored.proposal,
            case_id=case.pk,
            claim=1,
            judge=self.stretch.judge,
            after=_nothing,
            just_judged=True,
            config=self.stretch.config,
        )
        carrier.begin(case, draft, stored.writes, now=self.stretch.now, began=self.stretch.began)
        return stored, carrier

    def _waits_for_people(self, stored: Stored, case: Case, draft: Draft) -> None:
        """The step stays open without a lease, and what is next for the case is planned in the same commit."""
        run = self.stretch.run
        changes = {"waiting_on": stored.proposal.pk, "try_at": None, "lease_until": None, "calls": run.calls}
        rows.change(run, changes, guard={"claim": run.claim}, missed=None)
        self.stretch.proposals[stored.proposal.pk] = self.stretch.stored[stored.proposal.pk] = stored.proposal
        self.stretch.planned.append(self.after(self.stretch, case, draft))

    def _carry_out(self, stored: Stored, carrier: Carrier) -> Done:
        """The standing approval's writes, by this worker, at once. The step goes on when they are through.

        The outcome of the last one is recorded with what the step comes to.
        """
        last = carrier.run_but_the_last()
        if last is not None:
            write, outcome = last
            self.stretch.sent = Sent(stored.proposal, carrier.writes, write, outcome, len(self.stretch.entries))
            return Done(True, outcome.state, outcome.result, stored.proposal.decided, stored.proposal)
        stored.proposal.refresh_from_db()
        return _done(stored.proposal, list(stored.proposal.writes.all()))

    def _internal(self, operation: Operation, arguments: Mapping[str, Any], *, place: str, name: str) -> Done:
        write = self._write_at(place)
        if write is None:
            allowed = self._pass(operation.name, arguments)
            try:
                write = self.stretch.flush(
                    lambda case, draft: self._reserve_new(allowed, place, name or operation.name, case, draft)
                )
            except Refused as refusal:
                raise self._failed(operation.name, refusal) from refusal
            except IntegrityError as error:
                raise self._put_off(error) from error
        else:
            ended = self._found_again(write)
            if ended is not None:
                return ended
        outcome = executor.run_internal(self.stretch.case.pk, write, write.operation, self.stretch.config)
        if outcome.state == W.PERMITTED:
            raise Later(write.try_at or self.stretch.now + timedelta(seconds=1))
        return self._ended(write)

    def _put_off(self, error: IntegrityError) -> Exception:
        """Another write of the same record was reserved at this moment: the step goes on when that one may be over."""
        return Later(self.stretch.soon()) if executor.is_taken(error) else error

    def _with_ai(self, case: Case) -> None:
        """Once people have the case, as a step beside this one gave it to them, nothing is started for it."""
        if case.holder_kind != Case.Holder.AI:
            raise Later(self.stretch.soon())  # what was read is stored; nobody goes on with it but a new turn

    def _held(self, case: Case, write: Write) -> tuple[Configuration, str]:
        """What is in force, held until the commit: it may be another than when the gate was passed. And why the write
        may not be sent any more by it, in words. A pause, and another write of its record, are waited for.
        """
        policy, now = carrying.held(case, write, self.stretch.config), self.stretch.now
        if policy.paused or policy.restoring or policy.in_flight:
            raise Later(self.stretch.soon())
        config = configuration.known(policy.stamp)
        ended = carrying.closed(write, config) or carrying.no_longer_granted(case, write, write.step, config, now)
        return config, ended

    def _reserve_new(self, allowed: Pass, place: str, name: str, case: Case, draft: Draft) -> Write:
        self._with_ai(case)
        write = Write(
            case=case,
            run=self.stretch.run,
            step=self.step.name,
            place=place,
            name=name,
            operation=allowed.operation,
            controlled=False,
            turn=case.turn,
            agent=self.agent,
            customer=case.customer,
            subject=subject_of(allowed.operation, allowed.arguments, case),
            proposed=plain(allowed.arguments),
        )
        config, ended = self._held(case, write)
        if ended:
            raise Refused(ended, reason="grant")
        operation, now = allowed.operation, self.stretch.now
        grant = gate.valid_grant(config, case, self.agent, operation, self.step.name, now)[0]
        if grant is not None:
            gate.take_place(grant, operation, case=case, money=None, now=now, leave_out=(), zone=config.zone)
        rows.insert(write)
        draft.add(executor.reserve(write, operation=allowed.operation, now=self.stretch.now, began=self.stretch.began))
        return write

    def _found_again(self, write: Write) -> Done | None:
        """What this place of the recipe wrote before; None: it is to be sent again (reserved anew already)."""
        if write.state in (*Write.FINAL,):
            return self._ended(write)
        if write.state == W.RESERVED and write.lease_until and write.lease_until > self.stretch.now:
            raise Later(write.lease_until)
        if write.try_at and write.try_at > self.stretch.now:
            raise Later(write.try_at)
        if write.state in (W.RESERVED, W.UNKNOWN):
            self._not_paused(self.stretch.case, write)  # nothing is sent, not even to find out
            outcome = executor.recover(write, write.operation, self.stretch.config)
            if outcome is not None:
                self._record_recovered(write, outcome)
                if write.state == W.PERMITTED or outcome.settling:
                    raise Later(write.try_at or self.stretch.now)
                return self._ended(write)
        try:
            ended = self.stretch.flush(lambda case, draft: self._reserve_again(write, case, draft))
        except IntegrityError as error:
            raise self._put_off(error) from error
        if ended:
            raise ToolFailed(ended, reason="grant")
        return None

    def _not_paused(self, case: Case, write: Write) -> None:
        if gate.paused(case, self.agent, write.operation.system.name) is not None:
            raise Later(self.stretch.soon())

    def _reserve_again(self, write: Write, case: Case, draft: Draft) -> str:
        """Reserve it anew, if its agent may write now as well; else why it was ended, in words. A pause is waited for.

        What may have been done already is sent again with its key, whatever became of the grant: to find out.
        """
        self._with_ai(case)
        _config, ended = self._held(case, write)
        if ended and write.state == W.PERMITTED:
            draft.add(executor.not_started(write, why="grant", words=ended, now=self.stretch.now))
            return ended
        if write.state == W.RESERVED:
            transitions.move_write(write, W.UNKNOWN, held_claim=write.claim)
        draft.add(executor.reserve(write, operation=write.operation, now=self.stretch.now, began=self.stretch.began))
        return ""

    def _record_recovered(self, write: Write, outcome: executor.Outcome) -> None:
        def then(case: Case, draft: Draft) -> None:
            if write.state == W.UNKNOWN and outcome.state == W.UNKNOWN and not outcome.settling:
                return  # nothing new is known; it stays on the repair list
            executor.record(draft, case, write, outcome, config=self.stretch.config, now=self.stretch.now)

        self.stretch.flush(then)

    def _ended(self, write: Write) -> Done:
        result = write.result
        if write.state == W.WRITTEN:
            grant = self._valid_grant(write.operation)
            result = keep_fields(result, grant.fields) if grant else None
        return Done(True, write.state, result=result, why=write.error)

    # ------------------------------------------------------------------ gate and limits

    @property
    def actor(self) -> actors.Actor:
        return actors.agent(self.agent, run_id=self.stretch.run.pk)

    def _gate(self) -> Gate:
        return Gate(
            config=self.stretch.config,
            case=self.stretch.case,
            finder=self.finder,
            now=self.stretch.now,
            agent=self.agent,
            step=self.step.name,
            glance=self.stretch.glance,
        )

    def _pass(self, operation: str, arguments: Mapping[str, Any]) -> Pass:
        """Through the gate, within the caps of a run; a refusal is an event and ends the tool."""
        self.stretch.settle()
        self._count()
        try:
            return self._gate().check(self.actor, operation, arguments, turn=self.stretch.run.turn)
        except (Refused, BadArguments, TurnPassed) as refusal:
            raise self._failed(operation, refusal) from refusal

    def _failed(self, operation: str, refusal: Any) -> Exception:
        """A refusal is an event and ends the tool. A pause ends nothing: the step goes on when it is over."""
        self._refused(operation, refusal)
        reason = str(refusal.detail.get("reason", refusal.code))
        if reason == "paused":
            return Later(self.stretch.soon())
        return ToolFailed(refusal.message, reason=reason)

    def _within_limits(self, allowed: Pass, write: PlannedWrite) -> None:
        """Early, before anybody is asked; the place itself is taken under its lock."""
        if allowed.grant is None:
            return
        company = self.stretch.config.company.currency
        why = gate.over_limit(
            allowed.grant,
            case=self.stretch.case,
            money=gate.limited_money(write.operation, write.arguments, write.money, write.currency, company),
            now=self.stretch.now,
            leave_out=(),
            zone=self.stretch.config.zone,
        )
        if why:
            raise self._failed(allowed.operation.name, gate.used_up(allowed.operation, why))

    def _refused(self, operation: str, refusal: Any) -> None:
        self.stretch.record(
            "gate.refused",
            self.actor,
            operation=operation,
            reason=refusal.detail.get("reason", refusal.code),
            words=refusal.message,
            step=self.step.name,
        )

    def _count(self) -> None:
        """Limits of a run: calls and seconds. Over them the case goes to a person."""
        run = self.stretch.current or self.stretch.run
        run.calls += 1
        most = self.agent.limits.get("calls_per_run")
        if most is not None and run.calls > most:
            raise ToolFailed(_("The agent made more than %(n)s calls in one run.") % {"n": most}, reason="limit")
        seconds = self.agent.limits.get("seconds_per_run")
        if seconds is not None and time.monotonic() - self.started > seconds:
            raise ToolFailed(_("The run took longer than %(n)s seconds.") % {"n": seconds}, reason="limit")

    # ------------------------------------------------------------------ finding again

    def _fresh(self) -> bool:
        """A run that was claimed once and never waited can have written nothing before."""
        return (self.stretch.current or self.stretch.run).claim == 1

    def _raised(self, operation: Operation) -> bool:
        return self.stretch.judge.raises(self.stretch.config, self.stretch.case, operation)

    def _write_at(self, place: str) -> Write | None:
        if self._fresh():
            return None
        there = Write.objects.filter(
            case=self.stretch.case, turn=self.stretch.case.turn, step=self.step.name, place=place, proposal=None
        )
        return there.exclude(state=W.WITHDRAWN).select_related("operation__system").first()

    def _proposal_at(self, place: str) -> Proposal | None:
        if self._fresh():
            return None
        turn = self.stretch.case.turn
        for known in self.stretch.proposals.values():
            if (known.turn, known.step, known.place) == (turn, self.step.name, place) and known.state != "withdrawn":
                return known
        there = Proposal.objects.filter(case=self.stretch.case, turn=turn, step=self.step.name, place=place)
        return there.exclude(state=Proposal.State.WITHDRAWN).first()


def _nothing(case: Case, draft: Draft, now: datetime) -> None:
    """The step itself goes on after its standing approval's writes; nobody else has to plan."""


def _done(proposal: Proposal, writes: Sequence[Write]) -> Done:
    """A proposal as the recipe sees it. Open, or on its way: the step waits."""
    ended = proposal.state not in Proposal.OPEN
    chosen = [w for w in writes if w.option == proposal.decided]
    result = chosen[0].result if chosen else None
    done = Done(ended, proposal.state, result=result, option=proposal.decided, proposal=proposal)
    if ended and not done.worked:
        done = replace(done, why="; ".join(w.error for w in chosen if w.error) or _state_words(proposal))
    return done


def _state_words(proposal: Proposal) -> str:
    if proposal.state == Proposal.State.FORBIDDEN:
        return proposing.why_forbidden(proposal)
    return str(proposal.get_state_display())
