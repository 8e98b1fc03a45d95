"""Calls from outside the flow: an outside agent's, and those of people working by hand. Same gate, rules, executor.

A call is known by its operation and arguments in a turn: asking again finds it, until it failed or was withdrawn.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from agents import configuration, executor, gate, proposing, reaching, transitions
from agents.carrying import Carrier
from agents.configuration import Configuration
from agents.errors import BadArguments, Forbidden, NotOpen, Refused
from agents.facts import FactFinder
from agents.fields import keep_fields
from agents.finding import finder_for, stored_facts
from agents.gate import Gate, Pass
from agents.judge import Option
from agents.models import Agent, Proposal, Run, Write
from agents.proposing import Plan
from agents.reading import Reader, read_entry
from agents.stretch import LEASE
from agents.subjects import subject_of
from agents.tooling import evidence
from approvals.judging import Judging
from approvals.models import Approval
from cases import doorbell
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NoRight, NotFound, Refusal, TurnPassed, WrongState
from cases.ledger import Entry, plain
from cases.models import Case
from cases.permissions import can_see, can_work
from cases.transitions import Draft

W = Write.State
JUDGE = Judging()
ENDED = {
    "written": "done",
    "differs": "differs",
    "failed": "failed",
    "unknown": "unknown",
    "rejected": "rejected",
    "withdrawn": "withdrawn",
    "expired": "expired",
}


@dataclass(frozen=True)
class CallAnswer:
    """What became of a call, in the words of the API: 200 with an end, or 202 while it waits."""

    status: str
    http_status: int
    result: Any = None
    error: str = ""
    proposal_id: str | None = None
    approvals: list[str] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass
class Caller:
    """Who calls, on which case, in which run (outside agents have one)."""

    actor: Actor
    case: Case
    config: Configuration
    now: datetime
    agent: Agent | None = None
    run: Run | None = None
    reader: Reader = field(default_factory=Reader)

    @property
    def step(self) -> str:
        return self.run.step if self.run else ""

    def finder(self, *, fresh: bool = False) -> FactFinder:
        type_ = self.config.type_of(self.case)
        given = {} if fresh or type_ is None else stored_facts(self.case, type_, self.config)
        return finder_for(self.case, self.config, self.reader, now=self.now, given=given)


def call(
    *, actor: Actor, case_id: int, operation: str, arguments: Mapping[str, Any], turn: int, why: str = ""
) -> CallAnswer:
    """One call through the gate. Raises `Refused`, `Forbidden`, `BadArguments`, `TurnPassed`, `NotOpen`, `NotFound`.

    Reads and internal writes are done at once; level 4 is proposed (options do and reject) and carried out at once
    only under a standing approval.
    """
    caller = _caller(actor, case_id)
    try:
        _within_run(caller)
        finder = caller.finder()
        passed = Gate(caller.config, caller.case, finder, caller.now, agent=caller.agent, step=caller.step).check(
            actor, operation, arguments, turn=turn
        )
        if passed.operation.is_write:
            _may_write(caller)
            return _write(caller, passed, why)
        return _read(caller, passed)
    except (Refused, BadArguments, TurnPassed, Forbidden) as refusal:
        _record_refusal(caller, operation, refusal)
        raise


def reply(*, actor: Actor, case_id: int, text: str, turn: int) -> CallAnswer:
    """A public reply by staff: the company's reply operation, judged as any call."""
    company = configuration.current().calls
    if company is None or company.reply is None:
        raise WrongState(_("The company has no way to reply set up."))
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        raise NotFound
    arguments, missing = executor.reply_arguments(company, case, text)
    if missing:
        raise WrongState(_("There is no contact to reply to."))
    name = company.reply.name
    return call(actor=actor, case_id=case_id, operation=name, arguments=arguments, turn=turn, why=_("Reply"))


# ---------------------------------------------------------------------- who calls


def _caller(actor: Actor, case_id: int) -> Caller:
    case = Case.objects.select_related("type").filter(pk=case_id).first()
    config = configuration.current()
    now = database_now()
    missing = NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id})
    if actor.kind == "agent":
        agent = config.agents.get(actor.agent_id or 0)
        if case is None or agent is None:
            raise missing
        return Caller(actor, case, config, now, agent=agent, run=_open_run(case, agent, config, missing))
    if case is None or not actor.is_person or not can_see(actor.user, case):
        raise missing
    if not can_work(actor.user, case):
        raise NoRight(_("You can see this case, but its team works on it. Nothing was done."))
    if case.type is None:
        raise WrongState(_("Sort the case first: nobody knows its type yet."))
    return Caller(actor, case, config, now)


def _open_run(case: Case, agent: Agent, config: Configuration, missing: NotFound) -> Run:
    """The agent's open run in the present turn; too early is another answer than never."""
    run = Run.objects.filter(case=case, agent=agent, turn=case.turn, state=Run.State.OPEN).first()
    if run is not None and case.holder_kind == Case.Holder.AI:
        return run
    type_ = config.type_of(case)
    steps = type_.steps.values() if type_ else []
    mine = [s for s in steps if s.work and s.work.agent_id == agent.pk]
    if any(case.steps.get(s.name, {}).get("state", "waiting") == "waiting" for s in mine) and case.ai_may_act:
        raise NotOpen(retry_after=2)
    if Run.objects.filter(case=case, agent=agent).exists():
        raise TurnPassed(turn=case.turn)
    raise missing


def _within_run(caller: Caller) -> None:
    """An outside agent's caps: calls and seconds of a run. Over them the case goes to a person."""
    if caller.run is None or caller.agent is None:
        return
    Run.objects.filter(pk=caller.run.pk).update(calls=F("calls") + 1)
    calls = caller.run.calls + 1
    most = caller.agent.limits.get("calls_per_run")
    seconds = caller.agent.limits.get("seconds_per_run")
    why = ""
    if most is not None and calls > most:
        why = _("The agent made more than %(n)s calls in one run.") % {"n": most}
    elif seconds is not None and (caller.now - caller.run.started_at).total_seconds() > seconds:
        why = _("The run took longer than %(n)s seconds.") % {"n": seconds}
    if why:
        _end_run(caller, Run.State.HANDED_OVER, {"code": "limit", "step": caller.step, "why": why})
        raise Refused(why, reason="limit")


def _may_write(caller: Caller) -> None:
    """Take the case over before you change something for it; notes and reads are always possible."""
    if caller.agent is None and caller.case.holder_user_id != caller.actor.user_id:
        raise WrongState(_("Take the case over first: it is not with you. Nothing was done."))


# ---------------------------------------------------------------------- reads and writes


def _read(caller: Caller, passed: Pass) -> CallAnswer:
    answer = reaching.ask(passed.operation, passed.arguments)
    own = Gate(caller.config, caller.case, caller.finder(), caller.now, agent=caller.agent, step=caller.step)
    seen = own.answer(passed, answer.data) if answer.ok else None
    entry = read_entry(caller.actor, passed.operation, passed.arguments, seen, ok=answer.ok, why=answer.error)
    with transaction.atomic():
        case = case_transitions.lock(caller.case.pk)
        case_transitions.save(case, [*caller.reader.taken(), entry], now=database_now())
    if answer.ok:
        return CallAnswer("done", 200, result=plain(seen))
    return CallAnswer("failed", 200, error=answer.error)


def _write(caller: Caller, passed: Pass, why: str) -> CallAnswer:
    known = _known(caller, passed)
    if known is not None:
        return known
    if passed.grant is not None:
        _within_grant(caller, passed, leave_out=())
    if passed.operation.is_controlled or JUDGE.raises(caller.config, caller.case, passed.operation):
        return _propose(caller, passed, why)
    return _internal(caller, passed)


def _known(caller: Caller, passed: Pass) -> CallAnswer | None:
    """The same operation with the same arguments in this turn, unless it failed, was withdrawn or expired."""
    rows = Write.objects.filter(
        case=caller.case, turn=caller.case.turn, operation=passed.operation, place="", proposed=plain(passed.arguments)
    )
    write = rows.exclude(state__in=[W.FAILED, W.WITHDRAWN, W.EXPIRED]).select_related("proposal").first()
    if write is None:
        return None
    if write.proposal is not None:
        return answer_of(write.proposal, caller.agent, caller.config)
    if write.state in (W.RESERVED, W.PERMITTED):
        return CallAnswer("unknown", 200, error=_("It is being written at this moment; look again."))
    return CallAnswer(ENDED[write.state], 200, result=_granted(write, caller.agent, caller.config), error=write.error)


def _within_grant(caller: Caller, passed: Pass, leave_out: tuple[Any, ...]) -> None:
    assert passed.grant is not None  # noqa: S101
    planned = proposing.plan_write(passed.operation, passed.arguments, caller.config, facts=caller.finder())
    why = gate.over_limit(
        passed.grant,
        case=caller.case,
        money=planned.money,
        now=caller.now,
        leave_out=leave_out,
        zone=caller.config.zone,
    )
    if why:
        raise Refused(
            _("The grant for %(name)s is used up: %(why)s.") % {"name": passed.operation.name, "why": why},
            reason="limit",
        )


def _internal(caller: Caller, passed: Pass) -> CallAnswer:
    operation = passed.operation
    with transaction.atomic():
        case, now = _ours(caller)
        write = Write(
            case=case,
            run=caller.run,
            step=caller.step,
            name=operation.name,
            operation=operation,
            controlled=False,
            turn=case.turn,
            agent=caller.agent,
            customer=case.customer,
            subject=subject_of(operation, passed.arguments, case),
            proposed=plain(passed.arguments),
        )
        if executor.in_flight(write):
            raise WrongState(_("Another write to this record is not finished. Try again in a moment."))
        write.save(force_insert=True)
        entry = executor.reserve(write, operation=operation, now=now)
        case_transitions.save(case, [*caller.reader.taken(), entry], now=now)
    outcome = executor.run_internal(case.pk, write, operation, caller.config)
    if outcome.state == W.PERMITTED:  # the system was not reached; the caller asks again with the same arguments
        Write.objects.filter(pk=write.pk, state=W.PERMITTED).update(state=W.WITHDRAWN, placed_at=None)
        return CallAnswer("failed", 200, error=outcome.error)
    return CallAnswer(ENDED[outcome.state], 200, _granted(write, caller.agent, caller.config), outcome.error)


def _propose(caller: Caller, passed: Pass, why: str) -> CallAnswer:
    finder = caller.finder(fresh=True)
    planned = proposing.plan_write(passed.operation, passed.arguments, caller.config, facts=finder)
    options = proposing.with_reject([Option("do", passed.operation.title, [planned], suggested=True)])
    plan = Plan(
        options,
        JUDGE.prepare(finder, options),
        proposing.target_versions(options, caller.config, caller.reader),
        why=why,
        step=caller.step,
        evidence=evidence(caller.finder(), caller.config),
    )
    with transaction.atomic():
        case, now = _ours(caller)
        stored = proposing.store(
            plan,
            case,
            config=caller.config,
            judge=JUDGE,
            actor=caller.actor,
            run=caller.run,
            agent_id=caller.agent.pk if caller.agent else None,
            now=now,
        )
        draft = Draft([*caller.reader.taken(), *stored.entries])
        if stored.starts:
            Proposal.objects.filter(pk=stored.proposal.pk).update(claim=1, lease_until=now + LEASE)
        draft.add(**case_transitions.wake(case, now))
        draft.store(case, now=now)
        doorbell.ring()
    if stored.proposal.state == Proposal.State.FORBIDDEN:
        verdict = stored.judged["do"]
        names = [r["name"] for r in verdict.rules if r["result"] == "matched" and r["effect"] == "forbid"]
        raise Forbidden(verdict.why, rules=names, proposal=str(stored.proposal.pk))
    if stored.starts:
        Carrier(
            proposal_id=stored.proposal.pk,
            case_id=case.pk,
            claim=1,
            judge=JUDGE,
            after=_wake,
            just_judged=True,
            config=caller.config,
        ).run()
    stored.proposal.refresh_from_db()
    return answer_of(stored.proposal, caller.agent, caller.config)


def _wake(case: Case, draft: Draft, now: datetime) -> None:
    draft.add(**case_transitions.wake(case, now))
    doorbell.ring()


def _ours(caller: Caller) -> tuple[Case, datetime]:
    """The locked case, if the turn (and the agent's run) still hold."""
    case = case_transitions.lock(caller.case.pk)
    if case.turn != caller.case.turn or not case.is_open:
        raise TurnPassed(turn=case.turn)
    if caller.run is not None and not Run.objects.filter(pk=caller.run.pk, state=Run.State.OPEN).exists():
        raise TurnPassed(turn=case.turn)
    if caller.agent is not None:
        switch = gate.paused(case, caller.agent, None, share=True)
        if switch is not None:
            raise Refused(gate.pause_words(switch), reason="paused")
    return case, database_now()


def answer_of(proposal: Proposal, agent: Agent | None, config: Configuration) -> CallAnswer:
    """A proposal's state as a call's answer."""
    state = proposal.state
    write = proposal.writes.filter(option=proposal.decided or "do").select_related("operation").first()
    approvals = [str(pk) for pk in Approval.objects.filter(proposal=proposal).values_list("pk", flat=True)]
    if state == Proposal.State.FORBIDDEN:
        raise Forbidden(" ".join(o["why"] for o in proposal.options if o.get("why")), proposal=str(proposal.pk))
    if state in ("waiting", "held", "permitted"):
        return CallAnswer(state, 202, proposal_id=str(proposal.pk), approvals=approvals)
    result = _granted(write, agent, config) if write else None
    error = write.error if write else ""
    return CallAnswer(ENDED[state], 200, result, error, str(proposal.pk), approvals)


def _granted(write: Write, agent: Agent | None, config: Configuration) -> Any:
    """A write's result through the agent's field filter."""
    if agent is None:
        return write.result
    grants = config.grants.get((agent.pk, write.operation_id), ())
    return keep_fields(write.result, grants[0].fields) if grants else write.result


def _record_refusal(caller: Caller, operation: str, refusal: Refusal) -> None:
    """Every answer of the gate is an event, a refusal too: written after the rollback."""
    data = {
        "operation": operation[:200],
        "reason": refusal.detail.get("reason", refusal.code),
        "words": refusal.message,
        "step": caller.step,
    }
    with transaction.atomic():
        case = case_transitions.lock(caller.case.pk)
        entries = [*caller.reader.taken(), Entry("gate.refused", caller.actor, data, uuid.uuid4())]
        case_transitions.save(case, entries, now=database_now())


# ---------------------------------------------------------------------- ends of a step


def finish_step(*, actor: Actor, case_id: int, step: str, turn: int, result: Mapping[str, Any]) -> Case:
    """An outside agent, or a person by hand, says a step is done. With an open proposal the step stays open."""
    if actor.is_person:
        return _finish_by_hand(actor, case_id, step, turn, result)
    caller = _caller(actor, case_id)
    if turn != caller.case.turn:
        raise TurnPassed(turn=caller.case.turn)
    if caller.step != step:
        raise NotFound(_("This agent has no open step %(step)s in this case.") % {"step": step})
    with transaction.atomic():
        case, now = _ours(caller)
        assert caller.run is not None and caller.agent is not None  # noqa: S101
        data = {
            "step": step,
            "values": dict(result.get("values") or {}),
            "note": str(result.get("note") or ""),
            "missing": list(result.get("missing") or []),
            "confidence": result.get("confidence"),
        }
        if Proposal.objects.filter(run=caller.run, state__in=Proposal.OPEN).exists():
            case_transitions.save(case, [Entry("agent.step_noted", actor, data)], now=now)
            return case
        draft = Draft()
        if data["missing"]:
            _hand_over(draft, case, caller, {"code": "missing_data", "missing": data["missing"]}, now)
            draft.add(lacked=sorted({*case.lacked, *map(str, data["missing"])}))
        else:
            transitions.move_run(caller.run, Run.State.DONE, now=now, result=plain(data))
            draft.add(Entry("agent.step_done", actor, data), steps=_with_step(case, step, "done", actor, data, now))
            draft.add(wake_at=now)
            doorbell.ring()
        draft.store(case, now=now)
    return case


def _finish_by_hand(actor: Actor, case_id: int, step: str, turn: int, result: Mapping[str, Any]) -> Case:
    with transaction.atomic():
        case = case_transitions.lock(case_id)
        if not can_work(actor.user, case):
            raise NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id})
        if turn != case.turn:
            raise TurnPassed(turn=case.turn)
        if case.holder_user_id != actor.user_id:
            raise WrongState(_("Take the case over first: it is not with you."))
        if case.type is None or not case.type.steps.filter(name=step).exists():
            raise NotFound(_("This case has no step %(step)s.") % {"step": step})
        now = database_now()
        data = {"step": step, "note": str(result.get("note") or ""), "values": dict(result.get("values") or {})}
        steps = _with_step(case, step, "done", actor, data, now)
        case_transitions.save(case, [Entry("step.done_by_hand", actor, data)], now=now, steps=steps)
    return case


def hand_over(*, actor: Actor, case_id: int, summary: str, turn: int) -> Case:
    """An agent gives the case to people."""
    caller = _caller(actor, case_id)
    if turn != caller.case.turn:
        raise TurnPassed(turn=caller.case.turn)
    with transaction.atomic():
        case, now = _ours(caller)
        draft = Draft()
        _hand_over(draft, case, caller, {"code": "handed_over", "why": summary[:2000]}, now)
        draft.store(case, now=now)
    return case


def _end_run(caller: Caller, state: str, why: dict[str, Any]) -> None:
    with transaction.atomic():
        case = case_transitions.lock(caller.case.pk)
        now = database_now()
        draft = Draft()
        _hand_over(draft, case, caller, why, now)
        draft.store(case, now=now)


def _hand_over(draft: Draft, case: Case, caller: Caller, why: dict[str, Any], now: datetime) -> None:
    assert caller.run is not None  # noqa: S101
    transitions.move_run(caller.run, Run.State.HANDED_OVER, now=now, result=plain(why))
    draft.add(steps=_with_step(case, caller.step, "handed_over", caller.actor, {}, now))
    case_transitions.to_people(draft, case, actor=caller.actor, why={**why, "step": caller.step}, team=None)


def _with_step(
    case: Case, step: str, state: str, actor: Actor, data: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    done = {
        "state": state,
        "at": now.isoformat(),
        "by": actor.label,
        "values": plain(data.get("values", {})),
        "option": "",
        "outcome": "",
    }
    return {**case.steps, step: done}


def open_runs(*, agent_id: int) -> list[Run]:
    """The agent's open steps, in cases that are in the same turn still."""
    rows = Run.objects.filter(agent=agent_id, state=Run.State.OPEN, turn=F("case__turn"), case__holder_kind="ai")
    return list(rows.select_related("case__type").order_by("id")[:200])
