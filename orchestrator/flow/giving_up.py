"""Where the AI comes to no end: people have the case, with the reason. Nothing is tried for ever."""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from agents import carrying, executor, transitions
from agents.models import Proposal, Run, Write
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.models import Case

if TYPE_CHECKING:
    from orchestrator.flow.planning import Planner

TRIES = 5  # times a step, or its writes, may be taken on after the worker was lost, before a person gets the case


def hand_over(planner: "Planner", run: Run, why: dict[str, Any]) -> None:
    """Whoever had the run was lost: a person has the case, or sorts it if that was as far as it came."""
    case, draft, why["step"] = planner.case, planner.draft, run.step
    transitions.move_run(run, Run.State.HANDED_OVER, now=planner.now)
    if case.type_id is None:
        case_transitions.to_triage(draft, actor=CONTROL, sorting=case.sorting, why=why)
        return
    if run.step:
        steps = planner.value("steps")
        left = {**steps.get(run.step, {}), "state": "handed_over", "at": planner.now.isoformat()}
        draft.add(steps={**steps, run.step: left})
    case_transitions.to_people(draft, case, actor=CONTROL, why=why, team=None)


def is_spent(proposal: Proposal) -> bool:
    """Whether as many workers as may be were lost over its writes, one after the other; its lease is over."""
    return proposal.lease_until is not None and proposal.lost + 1 >= TRIES


def give_up(planner: "Planner", proposal: Proposal) -> None:
    """A decided proposal that is spent: a begun write is for a person to find out, and what was not begun never is."""
    writes = proposal.loaded or []
    begun = [w for w in writes if w.state in (Write.State.RESERVED, Write.State.UNKNOWN)]
    if begun:
        planner.draft.add(*(executor.given_up(write) for write in begun))
    else:
        words = _("It was tried %(n)s times, and each time the worker failed.") % {"n": TRIES}
        ended = carrying.end_unstarted(proposal, writes, why="tried_too_often", now=planner.now, words=words)
        planner.draft.add(*ended)
    if proposal.state in Proposal.OPEN:
        transitions.settle_proposal(proposal, writes, now=planner.now)
    transitions.release_proposal(proposal, try_at=None)
    if begun or planner.value("holder_kind") != Case.Holder.AI or not planner.case.is_open:
        return  # the record is repaired, or somebody has the case
    why = {"code": "tried_too_often", "n": TRIES, "step": proposal.step}
    waiting = [r for r in planner.runs.values() if r.waiting_on == proposal.pk and r.state == Run.State.OPEN]
    for run in waiting[:1]:
        hand_over(planner, run, why)
    if not waiting:
        case_transitions.to_people(planner.draft, planner.case, actor=CONTROL, why=why, team=None)
