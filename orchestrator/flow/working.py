"""Does one claimed job: prepare a case (sort, facts), a step by its agent's brain, or the writes of a proposal.

Outside calls happen with no lock and no open transaction. A step that only follows from this stretch's own work is
gone on with in memory, so that a stretch of reads and formulas commits once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from agents import transitions
from agents.brains import brain_of
from agents.carrying import Carrier
from agents.configuration import StepConfig
from agents.errors import Stale
from agents.glance import Glance
from agents.judge import Judge
from agents.models import Proposal, Run
from agents.stretch import Stretch
from agents.tooling import Later, StepTools
from cases import doorbell, rows
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.actors import agent as agent_actor
from cases.clock import database_now
from cases.ledger import Entry
from cases.models import Case
from cases.transitions import Draft
from orchestrator.flow import serving
from orchestrator.flow.ending import end_waiting, finish, release
from orchestrator.flow.planning import DONE, Job, Known, Planner
from orchestrator.flow.preparing import prepare

NOTHING = Known()
PAUSES = (5, 30, 120, 300)  # seconds before a step whose worker failed is begun again


def plan(
    case: Case,
    draft: Draft,
    glance: Glance,
    now: datetime,
    known: Known = NOTHING,
    first: Callable[[Planner], None] | None = None,
) -> Job | None:
    """Plan on under the case lock; rings for other workers when there is more than one thing to do."""
    planner = Planner(case, draft, glance, now, serving.queues(), known)
    job = planner.plan(first)
    if planner.more:
        doorbell.ring(planner.more[0])
    return job


def plan_on(stretch: Stretch, case: Case, draft: Draft) -> Job | None:
    """Plan what follows a stretch, with the rows that it has in hand. A proposal that it knew before may have been
    decided, or carried out, while it called for another step.
    """
    known = Known({pk: run for pk, run in stretch.known_runs() if pk is not None}, stretch.stored)
    return plan(case, draft, stretch.glance, stretch.now, known)


def work(job: Job, *, judge: Judge) -> Job | None:
    """Do a job; returns the next one of the same case, claimed in the same commit, or None."""
    if job.kind == "carry":
        return _carry(job, judge)
    return _run(job, judge)


# ---------------------------------------------------------------------- writes


def _carry(job: Job, judge: Judge) -> Job | None:
    assert job.proposal is not None and job.glance is not None  # noqa: S101
    glance = job.glance
    following: list[Job | None] = []

    def after(case: Case, draft: Draft, now: datetime) -> None:
        proposal = carrier.proposal
        proposal.loaded = carrier.writes
        known = Known(proposals={proposal.pk: proposal})
        following.append(plan(case, draft, glance, now, known, lambda planner: end_waiting(planner, proposal, judge)))

    carrier = Carrier(
        proposal=job.proposal,
        case_id=job.case.pk,
        claim=job.proposal.claim,
        judge=judge,
        after=after,
        config=glance.config,
        now=job.now,
    )
    try:
        carrier.run()
    except Stale:  # another worker has it; what was sent is told by whoever holds the claim
        return None
    return following[0] if following else None


# ---------------------------------------------------------------------- runs


def _run(job: Job, judge: Judge) -> Job | None:
    assert job.run is not None and job.glance is not None and job.now is not None  # noqa: S101
    known: dict[str, Any] = {"runs": dict(job.over), "proposals": dict(job.proposals)}
    stretch = Stretch(job.case, job.run, job.glance, judge, now=job.now, current=job.run, **known)
    try:
        return _through(stretch, job)
    except Stale:
        _late(job, stretch)
        return None
    except Exception:
        stretch.tell_sent()
        raise


def _through(stretch: Stretch, job: Job) -> Job | None:
    """The job's step, and every step that only follows from it."""
    if job.kind == "prepare":
        prepare(stretch)
        step = _alone_next(stretch)
    else:
        type_ = stretch.type
        step = type_.steps.get(job.step) if type_ else None
    while step is not None:
        ended = _step(stretch, step)
        if not ended:
            break
        step = _alone_next(stretch)
    if stretch.planned and stretch.is_told:
        following: Job | None = stretch.planned[-1]
        return following
    return stretch.flush(lambda case, draft: plan_on(stretch, case, draft))


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
    agent = ready[0].work.agent if ready[0].work is not None else None
    if agent is None or agent.brain_kind not in ("procedure",) or not agent.active:
        return None
    stretch.current = rows.fresh(
        Run,
        case=stretch.case,
        step=ready[0].name,
        agent=agent,
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
    tools = StepTools(stretch, step, agent, after=plan_on)
    try:
        result = brain_of(step.work).work(step, tools)
    except Later as later:
        stretch.record("step.waits", agent_actor(agent), step=step.name, until=later.at)
        run.try_at = later.at
        release(stretch, run, try_at=later.at)
        return False
    return finish(stretch, step, result)


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
    """A worker failed inside its own code: the lease is shortened, and after some tries a person gets the case.

    A write that was under way keeps its own lease: it is looked for, and never sent again before that is over.
    """
    with transaction.atomic():
        case = case_transitions.lock(job.case.pk)
        now = database_now()
        held: QuerySet[Any]
        if job.run is not None:
            held, tries = Run.objects.filter(pk=job.run.pk, claim=job.run.claim, state=Run.State.OPEN), job.run.attempts
        elif job.proposal is not None:
            held = Proposal.objects.filter(pk=job.proposal.pk, claim=job.proposal.claim, state__in=Proposal.OPEN)
            held, tries = held.filter(lease_until__gt=now), job.proposal.lost + 1
        else:
            return
        until = now + timedelta(seconds=PAUSES[min(tries - 1, len(PAUSES) - 1)])
        if held.update(lease_until=until):
            case_transitions.save(case, [], now=now, **case_transitions.wake(case, until))
