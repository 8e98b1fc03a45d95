"""Does one claimed job: prepare a case (sort, facts), a step by its agent's brain, or the writes of a proposal.

Outside calls happen with no lock and no open transaction. A step that only follows from this stretch's own work is
gone on with in memory, so that a stretch of reads and formulas commits once.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from agents import configuration, transitions
from agents.brains import KINDS, Result
from agents.carrying import Carrier
from agents.configuration import Configuration, StepConfig
from agents.errors import Stale
from agents.judge import Judge
from agents.models import Run
from agents.stretch import Stretch
from agents.tooling import Later, StepTools
from cases import doorbell
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.actors import agent as agent_actor
from cases.clock import database_now
from cases.ledger import Entry
from cases.models import Case
from cases.transitions import Draft
from orchestrator.flow import serving
from orchestrator.flow.planning import DONE, Job, Planner
from orchestrator.flow.preparing import prepare

PAUSES = (5, 30, 120, 300)  # seconds before a step whose worker failed is begun again


def plan(case: Case, draft: Draft, config: Configuration, now: datetime) -> Job | None:
    """Plan on under the case lock; rings for other workers when there is more than one thing to do."""
    planner = Planner(case, draft, config, now, serving.queues())
    job = planner.plan()
    if planner.more:
        doorbell.ring(planner.more[0])
    return job


def work(job: Job, *, judge: Judge) -> Job | None:
    """Do a job; returns the next one of the same case, claimed in the same commit, or None."""
    if job.kind == "carry":
        return _carry(job, judge)
    return _run(job, judge)


# ---------------------------------------------------------------------- writes


def _carry(job: Job, judge: Judge) -> Job | None:
    assert job.proposal is not None  # noqa: S101
    following: list[Job | None] = []
    config = configuration.current()

    def after(case: Case, draft: Draft, now: datetime) -> None:
        following.append(plan(case, draft, config, now))

    carrier = Carrier(
        proposal_id=job.proposal.pk,
        case_id=job.case.pk,
        claim=job.proposal.claim,
        judge=judge,
        after=after,
        config=config,
    )
    try:
        carrier.run()
    except Stale:  # another worker has it; what was sent is told by whoever holds the claim
        return None
    return following[0] if following else None


# ---------------------------------------------------------------------- runs


def _run(job: Job, judge: Judge) -> Job | None:
    assert job.run is not None  # noqa: S101
    config = configuration.current()
    stretch = Stretch(job.case, job.run, config, judge, now=database_now(), current=job.run)
    try:
        return _through(stretch, job)
    except Stale:
        _late(job, stretch)
        return None


def _through(stretch: Stretch, job: Job) -> Job | None:
    """The job's step, and every step that only follows from it."""
    config = stretch.config
    if job.kind == "prepare":
        prepare(stretch)
        step = _alone_next(stretch)
    else:
        type_ = config.type_of(job.case)
        step = type_.steps.get(job.step) if type_ else None
    while step is not None:
        ended = _step(stretch, step)
        if not ended:
            break
        step = _alone_next(stretch)
    return stretch.flush(lambda case, draft: plan(case, draft, config, stretch.now))


def _alone_next(stretch: Stretch) -> StepConfig | None:
    """The one step that may go on in memory: nobody else works on the case, and no other step is ready."""
    type_ = stretch.type
    if type_ is None or "status" in stretch.changes:
        return None
    states = {name: step["state"] for name, step in stretch.all_steps().items()}
    if any(state in ("open", "handed_over") for state in states.values()):
        return None
    ready = [
        step
        for step in type_.steps.values()
        if states.get(step.name, "waiting") == "waiting" and all(states.get(str(a)) in DONE for a in step.row.after)
    ]
    if len(ready) != 1 or ready[0].by_people or ready[0].row.when:
        return None
    if ready[0].name in states or _others_may_claim(stretch.case, ready[0]):
        return None  # begun in this turn before (the requester was asked), or ready for every worker
    work = ready[0].work
    if work is None or work.agent.brain_kind not in ("procedure",) or not work.agent.active:
        return None
    stretch.current = Run(
        case=stretch.case,
        step=ready[0].name,
        agent=work.agent,
        turn=stretch.run.turn,
        started_at=stretch.now,
        versions={"map": stretch.config.epoch},
    )
    return ready[0]


def _others_may_claim(case: Case, step: StepConfig) -> bool:
    """Whether the step is ready by what is committed, not by this stretch's own work alone: then it may be taken."""
    committed = {name: one["state"] for name, one in case.steps.items()}
    return case.stage == Case.Stage.STEPS and all(committed.get(str(name)) in DONE for name in step.row.after)


def _step(stretch: Stretch, step: StepConfig) -> bool:
    """One step by its agent's brain. Returns whether it ended as done, so that the next may follow."""
    assert step.work is not None  # noqa: S101
    agent = step.work.agent
    run = stretch.current or stretch.run
    tools = StepTools(stretch, step, agent, after=plan)
    try:
        result = KINDS[agent.brain_kind].work(step, tools)
    except Later as later:
        stretch.record("step.waits", agent_actor(agent), step=step.name, until=later.at)
        run.try_at = later.at
        _release(stretch, run, try_at=later.at)
        return False
    return finish(stretch, step, result)


def finish(stretch: Stretch, step: StepConfig, result: Result) -> bool:
    """Gather what a step came to; the next flush stores it."""
    assert step.work is not None  # noqa: S101
    run = stretch.current or stretch.run
    actor = agent_actor(step.work.agent, run_id=run.pk)
    if result.state == "waiting":
        _release(stretch, run, waiting_on=result.waiting_on)
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


def _release(stretch: Stretch, run: Run, *, waiting_on: Any = None, try_at: datetime | None = None) -> None:
    """The step stays open, and nobody holds its lease: it waits for people, or for a time."""
    if run.pk is None:
        run.waiting_on, run.try_at = waiting_on, try_at
        return
    rows = Run.objects.filter(pk=run.pk, claim=run.claim)
    stretch.releases.append(
        (rows, {"waiting_on": waiting_on, "try_at": try_at, "lease_until": None, "calls": run.calls})
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
    roots = dict.fromkeys(name.split(".")[0] for name in names)
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


# ---------------------------------------------------------------------- late results


def _late(job: Job, stretch: Stretch) -> None:
    """What an AI did for a turn that has passed is kept as late, and not used.

    A worker that slept past its lease has nothing to tell: another one did the step, and may have closed the case.
    """
    run = job.run
    if run is None:
        return
    worker, step = (stretch.current or run), (stretch.current or run).step
    if worker.agent is None and not stretch.steps:
        return  # only the control layer's own looking up
    with transaction.atomic():
        case = case_transitions.lock(job.case.pk)
        if case.turn == run.turn and case.is_open:
            return  # another worker has the claim in the same turn: nothing was lost
        mine = Run.objects.filter(pk=stretch.run.pk, claim=stretch.run.claim).first()
        if mine is None or mine.state not in (Run.State.OPEN, Run.State.LATE):
            return
        now = database_now()
        if mine.state == Run.State.OPEN:
            transitions.move_run(mine, Run.State.LATE, now=now)
        name = worker.agent.name if worker.agent else "AI"
        data = {"agent": name, "step": step, "turn": run.turn, "now": case.turn, "result": stretch.steps}
        case_transitions.save(case, [Entry("ai.late", CONTROL, data)], now=now)


def give_back(job: Job) -> None:
    """A worker failed inside its own code: the lease is shortened, and after some tries a person gets the case."""
    with transaction.atomic():
        case = case_transitions.lock(job.case.pk)
        now = database_now()
        run = job.run
        if run is None:
            return
        pause = timedelta(seconds=PAUSES[min(run.attempts - 1, len(PAUSES) - 1)])
        if Run.objects.filter(pk=run.pk, claim=run.claim, state=Run.State.OPEN).update(lease_until=now + pause):
            case_transitions.save(case, [], now=now, **case_transitions.wake(case, now + pause))
