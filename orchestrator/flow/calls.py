"""Calls from outside the flow: an outside agent's, and those of people working by hand. Same gate, rules, executor.

A call is known by its operation and arguments in a turn: asking again finds it, until it failed or was withdrawn.
"""

import contextlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from agents import carrying, configuration, executor, gate, proposing, reaching, transitions
from agents.carrying import Carrier
from agents.configuration import Configuration
from agents.errors import BadArguments, Forbidden, Refused, Stale, Unfinished
from agents.fields import keep_fields
from agents.gate import Gate, Pass
from agents.judge import Option
from agents.models import Agent, Proposal, Write
from agents.proposing import Plan
from agents.reading import read_entry
from agents.stretch import LEASE
from agents.subjects import subject_of
from approvals.judging import Judging
from approvals.models import Approval
from cases import doorbell
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NotFound, Refusal, TurnPassed, WrongState
from cases.ledger import Entry
from cases.models import Case
from cases.permissions import can_see
from cases.plainly import plain
from cases.transitions import Draft
from orchestrator.flow.callers import Caller, caller_of, may_write, still_theirs, within_run

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


def call(
    *, actor: Actor, case_id: int, operation: str, arguments: Mapping[str, Any], turn: int, why: str = ""
) -> CallAnswer:
    """One call through the gate. Raises `Refused`, `Forbidden`, `BadArguments`, `TurnPassed`, `NotOpen`, `NotFound`.

    Reads and internal writes are done at once; level 4 is proposed (options do and reject) and carried out at once
    only under a standing approval.
    """
    caller = caller_of(actor, case_id)
    try:
        within_run(caller)
        finder = caller.finder()
        passed = Gate(caller.config, caller.case, finder, caller.now, agent=caller.agent, step=caller.step).check(
            actor, operation, plain(dict(arguments)), turn=turn
        )
        if passed.operation.is_write:
            may_write(caller)
            return _write(caller, passed, why)
        return _read(caller, passed)
    except (Refused, BadArguments, TurnPassed, Forbidden) as refusal:
        _record_refusal(caller, operation, refusal)
        raise


def reply(*, actor: Actor, case_id: int, text: str, turn: int) -> CallAnswer:
    """A public reply by staff: the company's reply operation, judged as any call."""
    company = configuration.current().calls
    if company is None or company.reply is None:
        raise WrongState(_("The company has no way to reply set up. Nothing was changed."))
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        raise NotFound
    arguments, missing = executor.reply_arguments(company, case, text)
    if missing:
        raise WrongState(_("There is no contact to reply to. Nothing was changed."))
    name = company.reply.name
    return call(actor=actor, case_id=case_id, operation=name, arguments=arguments, turn=turn, why=_("Reply"))


def ask_requester(*, actor: Actor, case_id: int, text: str) -> CallAnswer:
    """What somebody who decides wants to know of the requester: the reply operation, judged as any call.

    Nobody takes the case over for it. Whether they may ask is checked by who asks (`approvals.questions`).
    """
    config = configuration.current()
    case = Case.objects.select_related("type").filter(pk=case_id).first()
    if case is None or not actor.is_person or not can_see(actor.user, case):
        raise NotFound
    if config.calls is None or config.calls.reply is None:
        raise WrongState(_("The company has no way to reply set up. Ask a person or a team."))
    arguments, missing = executor.reply_arguments(config.calls, case, text)
    if missing:
        raise WrongState(_("There is no contact to reply to. Ask a person or a team."))
    caller = Caller(actor, case, config, database_now())
    name = config.calls.reply.name
    try:
        passed = Gate(config, case, caller.finder(), caller.now).check(actor, name, arguments, turn=case.turn)
        return _known(caller, passed) or _propose(caller, passed, _("A question before deciding"))
    except (Refused, BadArguments, TurnPassed, Forbidden) as refusal:
        _record_refusal(caller, name, refusal)
        raise


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
        _within_grant(caller, passed)
    if passed.operation.is_controlled or JUDGE.raises(caller.config, caller.case, passed.operation):
        return _propose(caller, passed, why)
    return _internal(caller, passed)


def _known(caller: Caller, passed: Pass) -> CallAnswer | None:
    """The same operation with the same arguments in this turn, unless it failed, was withdrawn or expired.

    A rejected one is found too: asking again for what a person rejected does not ask the person again.
    """
    rows = Write.objects.filter(
        case=caller.case, turn=caller.case.turn, operation=passed.operation, place="", proposed=plain(passed.arguments)
    )
    stands = ~Q(state__in=[W.FAILED, W.WITHDRAWN, W.EXPIRED]) | Q(proposal__state=Proposal.State.REJECTED)
    write = rows.filter(stands).select_related("proposal", "operation", "case").first()
    if write is None:
        return None
    if write.proposal is not None:
        return answer_of(write.proposal, caller.agent, caller.config, caller.now)
    if write.state in (W.RESERVED, W.PERMITTED):
        return CallAnswer("unknown", 200, error=_("It is being written at this moment; look again."))
    result = granted_result(write, caller.agent, caller.config, caller.now)
    return CallAnswer(ENDED[write.state], 200, result=result, error=write.error)


def _within_grant(caller: Caller, passed: Pass) -> None:
    """Early, before anybody is asked; the place itself is taken under its lock."""
    assert passed.grant is not None  # noqa: S101
    planned = proposing.plan_write(passed.operation, passed.arguments, caller.config, facts=caller.finder())
    company = caller.config.company.currency
    why = gate.over_limit(
        passed.grant,
        case=caller.case,
        money=gate.limited_money(passed.operation, passed.arguments, planned.money, planned.currency, company),
        now=caller.now,
        leave_out=(),
        zone=caller.config.zone,
    )
    if why:
        raise gate.used_up(passed.operation, why)


def _internal(caller: Caller, passed: Pass) -> CallAnswer:
    try:
        return _written(caller, passed)
    except IntegrityError as error:
        if not executor.is_taken(error):
            raise
        raise Unfinished from error


def _written(caller: Caller, passed: Pass) -> CallAnswer:
    operation = passed.operation
    with transaction.atomic():
        began = time.monotonic()
        case, now = still_theirs(caller, passed.operation.system.name)
        known = _known(caller, passed)  # again, under the lock: the same call may have come in twice
        if known is not None:
            return known
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
        policy = carrying.held(case, write, caller.config)
        if policy.in_flight:
            raise Unfinished
        config = configuration.known(policy.stamp)  # it may be another than when the gate was passed
        if words := carrying.closed(write, config) or carrying.no_longer_granted(case, write, write.step, config, now):
            raise Refused(words, reason="grant")
        grant = gate.valid_grant(config, case, caller.agent, operation, caller.step, now)[0] if caller.agent else None
        if grant is not None:
            gate.take_place(grant, operation, case=case, money=None, now=now, leave_out=(), zone=config.zone)
        write.save(force_insert=True)
        entry = executor.reserve(write, operation=operation, now=now, began=began)
        assert write.lease_until is not None  # noqa: S101  # reserved just now
        found_out = case_transitions.wake(case, write.lease_until)  # if this process is lost
        case_transitions.save(case, [*caller.reader.taken(), entry], now=now, **found_out)
    try:
        outcome = executor.run_internal(case.pk, write, operation, caller.config)
    except Stale:  # this process slept past its lease: what becomes of the write is found out by others
        return CallAnswer("unknown", 200, error=_("It is being written at this moment; look again."))
    if outcome.state == W.PERMITTED:  # the system was not reached; the caller asks again with the same arguments
        return CallAnswer("failed", 200, error=outcome.error)
    result = granted_result(write, caller.agent, caller.config, caller.now)
    return CallAnswer(ENDED[outcome.state], 200, result, outcome.error)


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
        evidence=proposing.evidence(caller.finder(), caller.config),
    )
    with transaction.atomic():
        case, now = still_theirs(caller, passed.operation.system.name)
        known = _known(caller, passed)
        if known is not None:
            return known
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
            transitions.claim_proposal(stored.proposal, lease_until=now + LEASE)
        draft.add(**case_transitions.wake(case, now))
        draft.store(case, now=now)
        doorbell.ring()
    if stored.proposal.state == Proposal.State.FORBIDDEN:
        verdict = stored.judged["do"]
        names = [r["name"] for r in verdict.rules if r["result"] == "matched" and r["effect"] == "forbid"]
        raise Forbidden(verdict.why, rules=names, proposal=str(stored.proposal.pk))
    if stored.starts:
        carrier = Carrier(
            proposal=stored.proposal,
            case_id=case.pk,
            claim=1,
            judge=JUDGE,
            after=_wake,
            just_judged=True,
            config=caller.config,
        )
        with contextlib.suppress(Stale):  # a worker has taken it over: the state it has now is the answer
            carrier.run()
    stored.proposal.refresh_from_db()
    return answer_of(stored.proposal, caller.agent, caller.config, caller.now)


def _wake(case: Case, draft: Draft, now: datetime) -> None:
    draft.add(**case_transitions.wake(case, now))
    doorbell.ring()


def answer_of(proposal: Proposal, agent: Agent | None, config: Configuration, now: datetime) -> CallAnswer:
    """A proposal's state as a call's answer."""
    state = proposal.state
    write = proposal.writes.filter(option=proposal.decided or "do").select_related("operation", "case").first()
    approvals = [str(pk) for pk in Approval.objects.filter(proposal=proposal).values_list("pk", flat=True)]
    if state == Proposal.State.FORBIDDEN:
        raise Forbidden(proposing.why_forbidden(proposal), proposal=str(proposal.pk))
    if state in ("waiting", "held", "permitted"):
        return CallAnswer(state, 202, proposal_id=str(proposal.pk), approvals=approvals)
    result = granted_result(write, agent, config, now) if write else None
    error = write.error if write else ""
    return CallAnswer(ENDED[state], 200, result, error, str(proposal.pk), approvals)


def granted_result(write: Write, agent: Agent | None, config: Configuration, now: datetime) -> Any:
    """A write's result through the field filter of the grant that covers it today; None when there is none."""
    if agent is None:
        return write.result
    grant = gate.valid_grant(config, write.case, agent, write.operation, write.step, now)[0]
    return keep_fields(write.result, grant.fields) if grant else None


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
