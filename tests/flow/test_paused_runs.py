"""What was paused goes on once somebody lets it: with the rest of its time, after any crash, also in a closed case."""

from datetime import timedelta

import pytest
from django.db.models import F

from agents import services
from agents.models import Agent, Run, Switch, Write
from approvals.models import Approval
from cases.actors import Actor
from cases.clock import database_now
from cases.models import Case
from orchestrator.desk.services import resume_ai, withdraw
from orchestrator.flow import services as flow
from tests.company import Small, pause
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


def test_what_was_paused_goes_on_if_the_process_that_resumed_is_lost(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch says on, and nobody can resume a second time: the sweep brings what was to follow, once."""
    may = company.as_("may")
    company.rule("two hours", {"ask": "managers", "within": "2h"})
    asked, approval = company.waiting()
    services.pause(actor=may, scope="agent", name="clerk", reason="Look at it")
    case = company.later(company.go(company.receive("chores")), 100)
    assert case.wake_at is None

    def lost() -> None:
        raise SystemExit

    monkeypatch.setattr(flow, "wake_paused", lost)
    with pytest.raises(SystemExit):
        resume_ai(actor=may, scope="agent", name="clerk")
    monkeypatch.undo()
    flow.sweep()
    assert company.later(case, 100).status == "done"
    flow.sweep()
    assert not Switch.objects.filter(settled=False).exists()
    assert company.codes(asked).count("approval.time_back") == 1
    assert Approval.objects.get(pk=approval.pk).time_back


def test_an_outcome_that_a_pause_held_up_is_found_out_in_a_closed_case_too(company: Small) -> None:
    """Nobody knows whether the refund was done; the requester took the request back meanwhile."""
    company.standing()
    company.shop.faults["/payments/p1/refunds"] = ["cut_after"]
    case = company.go(company.receive())
    assert Write.objects.get(case=case, option="full").state == "unknown"
    withdraw(actor=Actor("requester", "token shop", token_id=1, token_name="shop"), case_id=case.pk)
    may = company.as_("may")
    services.pause(actor=may, scope="agent", name="clerk", reason="Look at it")
    case = company.later(case)
    assert (case.status, case.wake_at) == ("done", None)
    resume_ai(actor=may, scope="agent", name="clerk")
    company.later(case)
    assert Write.objects.get(case=case, option="full").state == "written"
    assert len(company.shop.effects("/payments")) == 1


def test_a_step_that_a_pause_of_its_system_keeps_waiting_looks_less_and_less_often(company: Small) -> None:
    """Each look reads, and stands in the record: in a pause of an hour some hundred lines, not some thousand."""
    pause("system", "shop")
    case, waits = company.go(company.receive("chores")), []
    for _n in range(7):
        assert case.wake_at is not None
        waits.append((case.wake_at - database_now()).total_seconds())
        case = company.later(case, 31)
    assert waits[0] <= 2 and waits[2] >= 3 and all(wait > 14 for wait in waits[4:]) and max(waits) <= 30
    Switch.objects.update(paused=False)
    assert company.later(case, 31).status == "done"
