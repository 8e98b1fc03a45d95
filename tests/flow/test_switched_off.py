"""An agent that was switched off: nothing it says of its open steps is used any more, and they wait until it is on."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from agents.errors import Refused
from agents.models import Agent, Run, System
from approvals.models import Draft
from cases.clock import database_now
from orchestrator.flow.finishing import finish_step, hand_over
from orchestrator.flow.services import sweep
from orchestrator.workmap import services as workmap
from orchestrator.workmap.publishing import publish
from orchestrator.workmap.reading import Mark, Text, read
from tests.company import BY, MAP, Small


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


def test_a_case_goes_on_once_its_agent_is_on_again(company: Small) -> None:
    """Nothing else would ever wake it."""
    switched(on=False)
    case = company.go(company.receive("chores"))
    assert (case.status, case.wake_at) == ("working", None)
    switched(on=True)
    draft = Draft.objects.get(state="open", what="agent")
    User.objects.filter(username="sam").update(is_superuser=True)
    publish(actor=company.as_("sam"), draft_id=draft.pk, reason="Looked at", start_at=None, now=database_now())
    sweep()
    assert company.go(case).status == "done"


def switched(*, on: bool) -> None:
    """By the map; its system stays where it is."""
    where = System.objects.get(name="shop").url
    was = "{name: clerk, title: Clerk, purpose: Works,"
    text: Any = MAP.replace(was, was if on else f"{was} active: false,")
    workmap.load(actor=BY, text=Text(read(text.encode()).value, Mark(1)))
    System.objects.filter(name="shop").update(url=where)
