"""What people decide while a worker calls for another step of the same case: the worker plans by what is stored then."""

from datetime import timedelta
from typing import Any

import pytest

from agents.models import Proposal, StepWork
from approvals.models import Approval
from cases.clock import database_now
from cases.models import Case, Company, Step
from tests.company import Small

VOUCHER = {
    "option": "voucher",
    "title": "Voucher",
    "suggest_when": "true",
    "writes": [{"operation": "shop.voucher", "with": {"amount": 20}}],
}


@pytest.fixture
def side(racing: Small) -> Case:
    """Two steps side by side: `left` asks people for a voucher, `right` writes a note meanwhile; nothing comes after."""
    racing.patient()
    recipe("left", [VOUCHER, {"propose": ["voucher"]}])
    recipe("right", [{"write": "shop.note", "with": {"text": "right"}}])
    Step.objects.filter(type__name="side", name__in=["join", "look", "last"]).update(retired=True)
    return racing.receive("side")


def recipe(name: str, lines: list[dict[str, Any]]) -> None:
    work = StepWork.objects.get(step__name=name, step__type__name="side")
    work.procedure = lines
    work.save()


def meanwhile(racing: Small, case: Case, option: str, *, carried: bool = False) -> None:
    """While the note is being written: the decision, and another worker that carries it out at once."""

    def decided() -> None:
        racing.shop.hooks.clear()
        racing.decide(Approval.objects.get(case=case), option)
        if carried:
            racing.go(case)

    racing.shop.hooks["/notes"] = decided


@pytest.mark.parametrize("hold", [0, 30])
def test_a_decision_that_came_meanwhile_is_carried_out(racing: Small, side: Case, hold: int) -> None:
    Company.objects.update(hold_seconds=hold)
    meanwhile(racing, side, "voucher")
    case = racing.go(side)
    if hold:
        assert case.wake_at is not None and case.wake_at <= database_now() + timedelta(seconds=hold)
        case = racing.later(case)
    assert (case.status, racing.proposal(case).state) == ("done", "written")
    assert len(racing.shop.effects("/vouchers")) == 1


def test_a_rejection_that_came_meanwhile_ends_the_step(racing: Small, side: Case) -> None:
    meanwhile(racing, side, "reject")
    case = racing.go(side)
    assert case.steps["left"]["state"] in ("handed_over", "done") and racing.proposal(case).state == "rejected"
    assert case.status != "waiting_approval"


def test_what_another_worker_carried_out_meanwhile_is_over(racing: Small, side: Case) -> None:
    meanwhile(racing, side, "voucher", carried=True)
    case = racing.go(side)
    assert case.status == "done" and {step["state"] for step in case.steps.values()} == {"done"}
    assert len(racing.shop.effects("/vouchers")) == 1


def test_a_proposal_that_was_claimed_meanwhile_is_left_to_its_worker(racing: Small, side: Case) -> None:
    """Known as held when the retry of `right` was claimed; its hold ends while `right` calls, and another carries it."""
    Company.objects.update(hold_seconds=30)
    recipe("right", [{"write": "shop.note", "with": {"text": "1"}}, {"write": "shop.ticket", "with": {"text": "2"}}])
    racing.shop.faults["/notes"] = ["503"]
    case = racing.go(side)
    racing.decide(Approval.objects.get(case=case), "voucher")
    held = Proposal.objects.filter(case=case)

    def over() -> None:
        racing.shop.hooks.clear()
        racing.later(case)

    racing.shop.hooks["/tickets"] = over
    case = retried(racing, case)
    assert (case.status, held.get().state) == ("done", "written")
    assert {step["state"] for step in case.steps.values()} == {"done"}
    assert len(racing.shop.effects("/vouchers")) == 1 and len(racing.shop.effects("/tickets")) == 1


def retried(racing: Small, case: Case) -> Case:
    """The pause before the retry is over, the hold is not."""
    from agents.models import Run, Write

    past = database_now() - timedelta(seconds=1)
    Write.objects.filter(case=case, try_at__isnull=False).update(try_at=past)
    Run.objects.filter(case=case, try_at__isnull=False).update(try_at=past)
    Case.objects.filter(pk=case.pk).update(wake_at=past)
    return racing.go(case)
