"""Ends of a step from outside the flow: an outside agent finishes or hands over, a person marks a step as done."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from agents import transitions
from agents.errors import Refused
from agents.models import Proposal, Run
from cases import doorbell
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NotFound, TurnPassed, WrongState
from cases.ledger import Entry
from cases.models import Case
from cases.permissions import can_work
from cases.plainly import plain
from cases.transitions import Draft
from orchestrator.flow.callers import caller_of, give_to_people, still_theirs, with_step


def finish_step(*, actor: Actor, case_id: int, step: str, turn: int, result: Mapping[str, Any]) -> Case:
    """An outside agent, or a person by hand, says a step is done. With an open proposal the step stays open."""
    if actor.is_person:
        return _finish_by_hand(actor, case_id, step, turn, result)
    try:
        return _finish(actor, case_id, step, turn, result)
    except TurnPassed:
        _keep_late(actor, case_id, step, turn, result)
        raise


def _finish(actor: Actor, case_id: int, step: str, turn: int, result: Mapping[str, Any]) -> Case:
    caller = caller_of(actor, case_id)
    if turn != caller.case.turn:
        raise TurnPassed(turn=caller.case.turn)
    if caller.step != step:
        raise NotFound(_("This agent has no open step %(step)s in this case. Nothing was changed.") % {"step": step})
    if caller.agent is not None and not caller.agent.active:  # what it says is used no more; it may still hand over
        raise Refused(_("The agent %(name)s is not active.") % {"name": caller.agent.name}, reason="grant")
    with transaction.atomic():
        case, now = still_theirs(caller)
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
            give_to_people(draft, case, caller, {"code": "missing_data", "missing": data["missing"]}, now)
            draft.add(lacked=sorted({*case.lacked, *map(str, data["missing"])}))
        else:
            transitions.move_run(caller.run, Run.State.DONE, now=now, result=plain(data))
            draft.add(Entry("agent.step_done", actor, data), steps=with_step(case, step, "done", actor, data, now))
            draft.add(wake_at=now)
            doorbell.ring()
        draft.store(case, now=now)
    return case


def _keep_late(actor: Actor, case_id: int, step: str, turn: int, result: Mapping[str, Any]) -> None:
    """What an agent did for a turn that has passed is kept as late, once, and not used. Written after the rollback."""
    mine = Run.objects.filter(case=case_id, agent=actor.agent_id, step=step, turn=turn, state=Run.State.LATE)
    with transaction.atomic():
        case = case_transitions.lock(case_id)
        if not mine.filter(result={}).update(result=plain(dict(result))):
            return
        data = {"agent": actor.label, "step": step, "turn": turn, "now": case.turn, "result": dict(result)}
        case_transitions.save(case, [Entry("ai.late", actor, data)], now=database_now())


def _finish_by_hand(actor: Actor, case_id: int, step: str, turn: int, result: Mapping[str, Any]) -> Case:
    with transaction.atomic():
        case = case_transitions.lock(case_id)
        if not can_work(actor.user, case):
            raise NotFound(_("Case C-%(id)s does not exist.") % {"id": case_id})
        if turn != case.turn:
            raise TurnPassed(turn=case.turn)
        if case.holder_user_id != actor.user_id:
            raise WrongState(_("Take the case over first: it is not with you. Nothing was changed."))
        if case.type is None or not case.type.steps.filter(name=step).exists():
            raise NotFound(_("This case has no step %(step)s. Nothing was changed.") % {"step": step})
        now = database_now()
        data = {"step": step, "note": str(result.get("note") or ""), "values": dict(result.get("values") or {})}
        steps = with_step(case, step, "done", actor, data, now)
        case_transitions.save(case, [Entry("step.done_by_hand", actor, data)], now=now, steps=steps)
    return case


def hand_over(*, actor: Actor, case_id: int, summary: str, turn: int) -> Case:
    """An agent gives the case to people."""
    caller = caller_of(actor, case_id)
    if turn != caller.case.turn:
        raise TurnPassed(turn=caller.case.turn)
    with transaction.atomic():
        case, now = still_theirs(caller)
        draft = Draft()
        give_to_people(draft, case, caller, {"code": "handed_over", "why": summary[:2000]}, now)
        draft.store(case, now=now)
    return case


def open_runs(*, agent_id: int) -> list[Run]:
    """The agent's open steps, in cases that are in the same turn still."""
    rows = Run.objects.filter(agent=agent_id, state=Run.State.OPEN, turn=F("case__turn"), case__holder_kind="ai")
    return list(rows.select_related("case__type").order_by("id")[:200])
