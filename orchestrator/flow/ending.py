"""What a step comes to: gathered with a stretch, or at once with the write that it waited for."""

import logging
from copy import copy
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from agents import transitions
from agents.brains import Procedure, Result, brain_of
from agents.configuration import StepConfig
from agents.judge import Judge
from agents.models import Proposal, Run
from agents.reading import Reader
from agents.stretch import Stretch
from agents.tooling import Later, StepTools
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.actors import agent as agent_actor
from cases.models import Case
from cases.transitions import Draft
from orchestrator.flow.planning import Planner

log = logging.getLogger(__name__)


def finish(stretch: Stretch, step: StepConfig, result: Result) -> bool:
    """Gather what a step came to; the next flush stores it."""
    assert step.work is not None  # noqa: S101
    run = stretch.current or stretch.run
    actor = agent_actor(step.work.agent, run_id=run.pk)
    if result.state == "waiting":
        release(stretch, run, waiting_on=result.waiting_on)
        return False
    run.result = {"state": result.state, "option": result.option, "note": result.note, "confidence": result.confidence}
    if result.state == "missing" and result.asked:
        return _asked(stretch, step, run, result, actor)
    if result.state == "done" or (step.row.on_failure == "skip" and result.state != "missing"):
        state = "done" if result.state == "done" else "skipped"
        run.state = Run.State.DONE if state == "done" else Run.State.SKIPPED
        stretch.done_runs.append(run)
        stretch.current = None
        stretch.steps[step.name] = _stored(state, result, actor.label, stretch.now)
        code = "agent.step_done" if state == "done" else "agent.step_skipped"
        stretch.record(code, actor, step=step.name, does=step.row.does, **_told(result))
        return True
    _hand_over(stretch, step, run, result, actor)
    return False


def release(stretch: Stretch, run: Run, *, waiting_on: Any = None, try_at: datetime | None = None) -> None:
    """The step stays open, and nobody holds its lease: it waits for people, or for a time."""
    if waiting_on is not None and run.waiting_on == waiting_on:
        return  # stored with its proposal
    if run.pk is None:
        run.waiting_on, run.try_at = waiting_on, try_at
        return
    stretch.releases.append(
        (run, {"waiting_on": waiting_on, "try_at": try_at, "lease_until": None, "calls": run.calls})
    )


def _asked(stretch: Stretch, step: StepConfig, run: Run, result: Result, actor: Any) -> bool:
    """The requester was asked for what is missing: the step waits for their answer."""
    run.state = Run.State.DONE
    stretch.done_runs.append(run)
    stretch.current = None
    already = bool(stretch.all_steps().get(step.name, {}).get("asked"))
    if already:
        _to_people(stretch, {"code": "still_missing", "step": step.name, "missing": _titles(stretch, result.missing)})
        stretch.steps[step.name] = _stored("handed_over", result, actor.label, stretch.now)
        return False
    stretch.steps[step.name] = {**_stored("waiting", result, actor.label, stretch.now), "asked": True}
    stretch.changes["lacked"] = sorted({*stretch.case.lacked, *result.missing})
    stretch.changes["status"] = Case.Status.WAITING_CUSTOMER
    stretch.record("case.asked_customer", actor, step=step.name, missing=_titles(stretch, result.missing))
    return False


def _hand_over(stretch: Stretch, step: StepConfig, run: Run, result: Result, actor: Any) -> None:
    run.state = Run.State.HANDED_OVER
    stretch.done_runs.append(run)
    stretch.current = None
    stretch.steps[step.name] = _stored("handed_over", result, actor.label, stretch.now)
    missing = _titles(stretch, result.missing)
    code = "missing_data" if result.state == "missing" else "step_failed"
    why = {"code": code, "step": step.name, "missing": missing, "why": result.why, "outcome": result.outcome}
    if result.state == "missing":
        stretch.changes["lacked"] = sorted({*stretch.case.lacked, *result.missing})
    stretch.record("agent.step_failed", actor, step=step.name, does=step.row.does, **_told(result), missing=missing)
    _to_people(stretch, why, repair=result.outcome in ("unknown", "differs"))


def _to_people(stretch: Stretch, why: dict[str, Any], *, repair: bool = False) -> None:
    draft = Draft()
    case_transitions.to_people(draft, stretch.case, actor=CONTROL, why=why, team=None)
    if repair:
        draft.changes["status"] = Case.Status.REPAIR
    stretch.entries.extend(draft.entries)
    stretch.changes |= draft.changes


def _titles(stretch: Stretch, names: list[str]) -> list[Any]:
    type_ = stretch.type
    facts = type_.facts if type_ else {}
    roots = dict.fromkeys(name.split(".")[0].split("[")[0] for name in names)
    return [facts[n].row.title or n if n in facts else n for n in roots]


def _stored(state: str, result: Result, by: str, now: datetime) -> dict[str, Any]:
    return {
        "state": state,
        "at": now.isoformat(),
        "by": by,
        "values": result.values,
        "option": result.option,
        "outcome": result.outcome,
    }


def _told(result: Result) -> dict[str, Any]:
    return {
        "values": result.values,
        "option": result.option,
        "outcome": result.outcome,
        "note": result.note,
        "why": result.why,
        "confidence": result.confidence,
    }


# ---------------------------------------------------------------------- with the write it waited for


class _Outside(Exception):
    """The recipe would call a system, or store something: not under the lock."""


class _Shut(Reader):
    """Looks nothing up."""

    def __call__(self, operation: Any, arguments: Any, purpose: str) -> tuple[bool, Any, str]:
        raise _Outside


class _UnderLock(Stretch):
    """A stretch that only thinks: it commits nothing of its own."""

    def flush(self, then: Any) -> Any:
        raise _Outside


class _Thinking(StepTools):
    """Tools that only find again what the recipe proposed: whatever would go through the gate ends it."""

    def _pass(self, operation: str, arguments: Any) -> Any:
        raise _Outside

    def _internal(self, operation: Any, arguments: Any, *, place: str, name: str) -> Any:
        raise _Outside


def end_waiting(planner: Planner, proposal: Proposal, judge: Judge) -> None:
    """End the step that waited for this proposal in the same commit, where its recipe has nothing left but its end.

    Everything else, whether it asks a system, waits, or failed, is left to be claimed and done as any step.
    """
    case, type_ = planner.case, planner.config.type_of(planner.case)
    waiting = [r for r in planner.runs.values() if r.waiting_on == proposal.pk and r.state == Run.State.OPEN]
    if proposal.state in Proposal.OPEN or not waiting or type_ is None or planner.draft.changes.get("status"):
        return
    if not case.is_open or case.holder_kind != Case.Holder.AI or case.stage != Case.Stage.STEPS:
        return
    run, step = waiting[0], type_.steps.get(waiting[0].step)
    if step is None or step.work is None:
        return
    agent, brain = step.work.agent, brain_of(step.work)
    if brain.kind != Procedure.kind:
        return
    if planner.stopped(agent):
        return
    thinking = _as_claimed(run)
    stretch = _UnderLock(
        case,
        thinking,
        planner.glance,
        judge,
        now=planner.now,
        reader=_Shut(),
        current=thinking,
        proposals={proposal.pk: proposal},
    )
    try:
        result = brain.work(step, _Thinking(stretch, step, agent, after=_never))
    except (_Outside, Later):
        return
    except DatabaseError:
        raise
    except Exception:  # the outcome of the write must be told; the step meets this again when it is claimed
        log.exception("flow.step_not_ended", extra={"case": case.number, "step": step.name})
        return
    if result.state != "done":
        return
    transitions.restart_run(run, lease_until=None, agent_id=agent.pk)
    stretch.run = stretch.current = run
    finish(stretch, step, result)
    stretch.into(case, planner.draft)


def _never(*_given: Any) -> Any:
    raise _Outside


def _as_claimed(run: Run) -> Run:
    """The run as it will be once it is claimed again, to think with: the row itself is not touched yet."""
    again = copy(run)
    again.claim += 1
    return again
