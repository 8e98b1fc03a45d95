"""A customer is one customer, however their number was typed: what is counted by customer counts under our record's."""

from typing import Any

import pytest

from approvals.models import Approval
from cases.models import Case
from tests.company import Small, small


@pytest.fixture
def company(db: None) -> Any:
    with small() as company:
        company.shop.customers["C1"] = company.shop.customers["c1"]  # the system finds either spelling
        yield company


def refunded(company: Small) -> None:
    case, approval = company.waiting()
    company.decide(approval)
    company.go(case)
    company.rule("repeat", {"ask": "heads"}, all=[{"fact": "refunds", "is": "at least", "value": 1}])


def asked(company: Small, **more: Any) -> tuple[Case, list[str]]:
    case = company.go(company.receive("refund", **more))
    approval = Approval.objects.get(case=case, state="waiting")
    return case, [ask["team"] for ask in approval.asks]


def test_a_clerk_hides_no_earlier_refund_behind_another_spelling(company: Small) -> None:
    refunded(company)
    case, teams = asked(company, customer="C1", actor=company.as_("ka"), form={"order_number": "A101"})
    assert teams == ["heads"] and case.customer == "c1"
    told = company.told(case, "customer.number")
    assert (told["customer"], told["given"]) == ("c1", "C1")


def test_nor_does_a_program(company: Small) -> None:
    """What belongs to the customer is found under the right number as well."""
    refunded(company)
    case, teams = asked(company, customer="C1", order="A101")
    assert teams == ["heads"] and case.facts["order_number"]["value"] == "A101"


def test_a_number_that_is_right_is_left_alone(company: Small) -> None:
    case, teams = asked(company)
    assert teams == ["managers"] and case.customer == "c1" and "customer.number" not in company.codes(case)
