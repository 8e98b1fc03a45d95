"""Calls of operations by an agent or a person: the gate, the rules and the executor decide, this says what
came of it.
"""

from typing import Any

from agents import configuration
from agents.models import Proposal
from cases.clock import database_now
from orchestrator.api import shapes
from orchestrator.api.calls import Answer, Call
from orchestrator.api.endpoint import APART, endpoint
from orchestrator.api.plain import plain
from orchestrator.api.sight import find_case_of_turn
from orchestrator.api.waiting import until
from orchestrator.flow import calls as flow


def wait_for_end(call: Call, answer: Answer) -> Answer:
    """With `wait`: hold an answer that is still open until its proposal has ended."""
    waiting = answer.status == 202 and call.query["wait"]
    proposal = answer.data.get("proposal") if waiting else None
    if not proposal:
        return answer
    until(lambda: ended(proposal), call.query["wait"])
    agent = call.token.agent if call.is_agent else None
    return told(flow.answer_of(Proposal.objects.get(pk=proposal), agent, configuration.current(), database_now()))


def ended(proposal_id: Any) -> bool:
    """Whether the proposal is in a state that is final."""
    return not Proposal.objects.filter(pk=proposal_id, state__in=Proposal.OPEN).exists()


@endpoint(
    "POST",
    "agent",
    "staff",
    tag="agents",
    answers={200: "CallAnswer", 202: "CallAnswer"},
    path=("number",),
    query=shapes.WAIT,
    body=shapes.CALL,
    keyed=APART,
    then=wait_for_end,
)
def call_operation(call: Call, number: int) -> Answer:
    """Call an operation for a case. Reads and internal writes are done at once; what is external or hard to
    undo becomes a proposal, and `wait` holds the answer until it has ended. 403 says why it was refused:
    `grant`, `scope`, `paused` or `limit`, or which rules forbid it.
    """
    turn = int(call.body["turn"])
    case = find_case_of_turn(call, number, turn)
    made = flow.call(
        actor=call.actor,
        case_id=case.pk,
        operation=call.body["operation"],
        arguments=dict(call.body["arguments"]),
        turn=turn,
        why=call.body.get("why", ""),
    )
    return told(made)


def told(made: flow.CallAnswer) -> Answer:
    """What became of a call, in the words of the contract."""
    return Answer(
        {
            "status": made.status,
            "result": plain(made.result),
            "error": made.error or "",
            "proposal": str(made.proposal_id) if made.proposal_id else None,
            "approvals": [str(one) for one in made.approvals],
        },
        made.http_status,
    )
