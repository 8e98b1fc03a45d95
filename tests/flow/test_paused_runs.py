"""An outside agent that was paused has the rest of its time once somebody lets it go on."""

from datetime import timedelta

import pytest
from django.db.models import F

from agents import services
from agents.models import Agent, Run, Switch
from cases.clock import database_now
from cases.models import Case
from orchestrator.desk.services import resume_ai
from tests.company import Small
from tests.flow.test_planning import asks


def passed(case: Case, seconds: float) -> None:
    """As if that time had passed since the run began and, if there was a pause, since it began or ended."""
    by = timedelta(seconds=seconds)
    Run.objects.filter(case=case).update(started_at=F("started_at") - by)
    Switch.objects.update(at=F("at") - by, since=F("since") - by)
    Case.objects.filter(pk=case.pk).update(wake_at=database_now())


@pytest.mark.parametrize(("scope", "name"), [("all", ""), ("agent", "courier"), ("type", "outside")])
def test_time_that_a_pause_took_does_not_count(company: Small, scope: str, name: str) -> None:
    agent = Agent.objects.get(name="courier")
    agent.limits = {"seconds_per_run": 60}
    agent.save()
    case, may = company.go(company.receive("outside")), company.as_("may")
    passed(case, 20)
    services.pause(actor=may, scope=scope, name=name, reason="Look at it")
    passed(case, 3600)
    assert company.go(case).wake_at is None
    resume_ai(actor=may, scope=scope, name=name)
    case = company.go(case)
    assert case.holder_kind == "ai" and case.wake_at is not None
    assert timedelta(seconds=30) < case.wake_at - database_now() <= timedelta(seconds=40)
    assert asks(company, case).status == "done"
    passed(case, 41)
    assert company.go(case).status == "with_person"
