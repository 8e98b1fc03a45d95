"""An approver may raise an amount. What is decided then is of the risk of the new amount, not of what was proposed."""

from datetime import timedelta

import pytest

from agents.configuration import policy
from agents.models import Policy
from approvals.errors import StepUpNeeded
from approvals.models import Approval, Decision
from approvals.step_up import Proof
from cases.clock import database_now
from cases.models import Case, Company
from tests.api.program import Program, program
from tests.company import Small

RAISED = {"shop.refund": {"amount": 5000}}


def asked(company: Small) -> tuple[Case, Approval]:
    """A refund of 100; above 1,000 it is of high risk."""
    company.change("shop.refund", high_above=1000)
    case, approval = company.waiting()
    assert approval.risk == "medium"
    return case, approval


def token_of(company: Small, name: str) -> Program:
    return program("staff", "decide", user=company.as_(name).user)


def test_a_token_does_not_decide_what_was_raised_to_high_risk(company: Small) -> None:
    case, approval = asked(company)
    body = {"option": "full", "fingerprint": approval.fingerprint, "reason": "because"}
    own = token_of(company, "may")
    got = own.post(f"approvals/{approval.pk}/decision/", body | {"edits": RAISED})
    assert got.status_code == 403 and "in the browser" in got.json()["message"]
    assert not Decision.objects.exists()
    lowered = {"shop.refund": {"amount": 900}}
    assert own.post(f"approvals/{approval.pk}/decision/", body | {"edits": lowered}).status_code == 200
    company.go(case)
    assert [one["amount"] for one in company.shop.done] == [900]


def test_nor_does_it_confirm_what_the_first_person_raised(company: Small) -> None:
    company.rule("two", {"ask": "managers", "people": 2})
    _case, approval = asked(company)
    company.decide(approval, edits=RAISED)
    first = token_of(company, "ken").get(f"approvals/{approval.pk}/").json()
    body = {"option": "full", "fingerprint": first["fingerprint"], "reason": "because"}
    got = token_of(company, "ken").post(f"approvals/{approval.pk}/decision/", body)
    assert got.status_code == 403 and Decision.objects.count() == 1


def test_it_needs_the_second_factor_that_high_risk_needs(company: Small) -> None:
    Company.objects.update(step_up="high")
    policy()
    Policy.objects.update(stamp="00000000-0000-4000-8000-000000000001")
    case, approval = asked(company)
    with pytest.raises(StepUpNeeded):
        company.decide(approval, edits=RAISED)
    with pytest.raises(StepUpNeeded):
        company.decide(approval, edits=RAISED, proof=Proof("totp", database_now() - timedelta(days=1)))
    company.decide(approval, edits=RAISED, proof=Proof("totp", database_now()))
    company.go(case)
    assert [one["amount"] for one in company.shop.done] == [5000]
    assert Decision.objects.get().step_up == "totp"
