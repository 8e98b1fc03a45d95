"""A step whose approved writes are through ends in the commit that records them, where nobody has to be asked again."""

from datetime import datetime
from typing import Any

import pytest

from agents.brains.procedure import Procedure
from agents.models import Run, StepWork, Switch
from cases.models import Case, Event
from orchestrator.desk.services import take_over
from orchestrator.flow import services
from tests.company import Small, pause


def approved(company: Small) -> Case:
    company.rule("ask", {"ask": "managers"})
    case, approval = company.waiting()
    company.decide(approval)
    return case


def at(case: Case, code: str) -> datetime:
    return Event.objects.get(case=case, code=code).at


def recipe(*more: dict[str, Any]) -> None:
    work = StepWork.objects.get(step__name="work_out", step__type__name="refund")
    work.procedure = [*work.procedure, *more]
    work.save()


def test_the_step_and_the_case_end_with_the_write(company: Small) -> None:
    case = company.go(approved(company))
    assert (case.status, case.outcome) == ("done", "approved")
    assert at(case, "write.written") == at(case, "agent.step_done") == at(case, "case.closed")
    run = Run.objects.get(case=case, step="work_out")
    assert (run.state, run.claim, run.waiting_on) == ("done", 2, None) and run.ended_at is not None
    assert case.steps["work_out"]["option"] == "full" and case.steps["work_out"]["outcome"] == "written"
    assert company.told(case, "agent.step_done")["_actor"]["run_id"] == run.pk


def test_a_recipe_that_goes_on_is_claimed_like_any_step(company: Small) -> None:
    recipe({"write": "shop.ticket", "with": {"text": "after"}})
    case = company.go(approved(company))
    assert case.status == "done" and [d["text"] for d in company.shop.effects("/tickets")] == ["after"]
    assert Event.objects.filter(case=case, code="write.written").earliest("seq").at < at(case, "agent.step_done")


def test_what_a_recipe_reads_is_never_read_under_the_lock(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe({"read": "shop.customer", "with": {"id": "{request.customer}"}, "as": "seen"})
    case = company.go(approved(company))
    assert case.status == "done" and at(case, "write.written") < at(case, "agent.step_done")


def test_a_paused_agent_ends_nothing(racing: Small) -> None:
    case = approved(racing)
    racing.patient()
    racing.shop.hooks["/payments"] = lambda: pause("agent", "clerk")
    racing.go(case)
    case.refresh_from_db()
    assert case.is_open and racing.write(case).state == "written" and "agent.step_done" not in racing.codes(case)
    Switch.objects.update(paused=False)
    services.wake_paused(pk=case.pk)
    assert racing.go(case).status == "done"


def test_a_write_that_failed_hands_the_case_over_as_before(company: Small) -> None:
    company.shop.faults["/payments/p1/refunds"] = ["422"]
    case = company.go(approved(company))
    assert case.status == "with_person" and case.why_here["code"] == "step_failed"


def test_a_case_that_a_person_took_meanwhile_is_left_to_them(racing: Small) -> None:
    case = approved(racing)
    racing.patient()
    racing.shop.hooks["/payments"] = lambda: take_over(actor=racing.as_("ka"), case_id=case.pk) and None
    racing.go(case)
    case.refresh_from_db()
    assert racing.write(case).state == "written" and case.is_open and case.holder_kind == "person"
    assert "agent.step_done" not in racing.codes(case)


def test_a_brain_that_fails_in_the_end_leaves_the_outcome_told(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while the step ends, the write's record must not be lost with it."""
    case = approved(company)
    real, tries = Procedure.work, []

    def work(self: Procedure, step: Any, tools: Any) -> Any:
        tries.append(step.name)
        if len(tries) == 1:
            raise RuntimeError("a fault of ours")
        return real(self, step, tools)

    monkeypatch.setattr(Procedure, "work", work)
    company.go(case)
    assert company.write(case).state == "written" and len(company.shop.effects("/payments")) == 1
