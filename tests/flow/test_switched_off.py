"""An outside agent that was switched off: nothing it says of its open steps is used any more."""

import pytest

from agents.errors import Refused
from agents.models import Agent, Run
from orchestrator.flow.finishing import finish_step, hand_over
from tests.company import Small


def test_a_step_is_not_finished_by_an_agent_that_was_switched_off(company: Small) -> None:
    case = company.go(company.receive("outside"))
    agent = Agent.objects.get(name="courier")
    agent.active = False
    agent.save()
    with pytest.raises(Refused):
        finish_step(
            actor=company.courier(), case_id=case.pk, step="deliver", turn=case.turn, result={"values": {"n": 1}}
        )
    case.refresh_from_db()
    assert case.steps["deliver"]["state"] == "open" and Run.objects.get(case=case, step="deliver").state == "open"
    case = hand_over(actor=company.courier(), case_id=case.pk, summary="Switched off", turn=case.turn)
    assert case.status == "with_person"
