"""An approver may change what an operation says; a record of another customer is no record of this case then either."""

import pytest

from agents.errors import Refused
from approvals.models import Decision
from approvals.services import foresee, undo
from tests.company import Small
from tests.guarantees import guarantee


@guarantee("A03", ci=1)
def test_an_approver_turns_no_refund_to_the_payment_of_another_customer(company: Small) -> None:
    company.change("shop.refund", editable=["amount", "payment_id"])
    case, approval = company.waiting()
    elsewhere = {"shop.refund": {"payment_id": "p2"}}
    with pytest.raises(Refused):
        company.decide(approval, edits=elsewhere)
    company.go(case)
    assert company.shop.done == [] and not Decision.objects.exists()
    with pytest.raises(Refused):  # before it is decided as well, on the check page
        foresee(actor=company.as_("may"), approval_id=approval.pk, option="full", edits=elsewhere)
    company.decide(approval, edits={"shop.refund": {"payment_id": "p1", "amount": 40}})
    company.go(case)
    assert [(one["path"], one["amount"]) for one in company.shop.done] == [("/payments/p1/refunds", 40)]
    assert "is not a record of this case" in company.told(case, "approval.refused")["why"]


def test_a_record_whose_owner_is_looked_up_is_changed_to_one_of_the_same_customer(company: Small) -> None:
    key = {"payment_id": {"look_up": "shop.payment", "path": "customer_id", "is": "request.customer"}}
    company.change("shop.refund", editable=["payment_id"], case_key=key)
    case, approval = company.waiting()
    with pytest.raises(Refused):
        company.decide(approval, edits={"shop.refund": {"payment_id": "p2"}})
    company.decide(approval, edits={"shop.refund": {"payment_id": "p3"}})
    company.go(case)
    assert [one["path"] for one in company.shop.done] == ["/payments/p3/refunds"]


def test_two_writes_of_one_record_wait_for_each_other_also_where_an_approver_chose_it(company: Small) -> None:
    company.change("shop.refund", editable=["payment_id"], case_key={"payment_id": "order.payments"}, hold_seconds=30)
    company.shop.orders["A100"]["payments"] = ["p1", "p3"]
    case, approval = company.waiting()
    other, _approval = company.waiting(order="A101")
    own, of_p3 = company.write(case).subject, company.write(other).subject
    company.decide(approval, edits={"shop.refund": {"payment_id": "p3"}})
    assert company.write(case).subject == of_p3 != own
    undo(actor=company.as_("may"), approval_id=approval.pk)
    assert company.write(case).subject == own
