"""For outside agents: their open steps, ending one, and giving a case to people."""

from agents.models import Run
from cases.models import Case
from orchestrator.api import selectors, shapes
from orchestrator.api.calls import Answer, Call
from orchestrator.api.endpoint import endpoint
from orchestrator.api.paging import page, whole
from orchestrator.api.present.cases import runs, steps
from orchestrator.api.sight import find_case_of_turn
from orchestrator.flow import finishing


@endpoint("GET", "agent", tag="agents", answers={200: "Runs"}, query=shapes.RUNS)
def list_runs(call: Call) -> Answer:
    """The steps this agent has to do now, the newest first; with `open=0` also those it had."""
    agent = call.token.agent
    assert agent is not None  # noqa: S101  (the scope says so)
    rows = selectors.runs_of(agent, open_only=call.query.get("open", "1") == "1")
    return page(call, rows, [whole("id")], lambda found: runs(found, agent))


@endpoint(
    "POST", "agent", "staff", tag="agents", answers={200: "StepAnswer"}, path=("number", "name"), body=shapes.FINISH
)
def finish_step(call: Call, number: int, name: str) -> Answer:
    """End a step with its result: an agent its own, a person one of a case they took over. While a proposal
    of the step is open, the result is kept and the step stays open. A result of a turn that has passed is
    kept as late and not used: 409 `turn_passed`.
    """
    case = find_case_of_turn(call, number, int(call.body["turn"]))
    result = call.body["result"]
    case = finishing.finish_step(
        actor=call.actor, case_id=case.pk, step=name, turn=int(call.body["turn"]), result=dict(result)
    )
    return _moved(case, call)


@endpoint("POST", "agent", tag="agents", answers={200: "StepAnswer"}, path=("number",), body=shapes.HAND_OVER)
def hand_case_over(call: Call, number: int) -> Answer:
    """Give a case to people, with a summary for them."""
    turn = int(call.body["turn"])
    case = find_case_of_turn(call, number, turn)
    case = finishing.hand_over(actor=call.actor, case_id=case.pk, summary=call.body["summary"], turn=turn)
    return _moved(case, call)


def _moved(case: Case, call: Call) -> Answer:
    """What an agent is told after its step: the case may be out of its sight by now."""
    case = Case.objects.get(pk=case.pk)
    agent = call.token.agent if call.is_agent else None
    own = set(Run.objects.filter(case=case, agent=agent).values_list("step", flat=True))
    return Answer(
        {
            "case": case.number,
            "status": case.status,
            "turn": case.turn,
            "steps": [step for step in steps(case) if agent is None or step["name"] in own],
        }
    )
