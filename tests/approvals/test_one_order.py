"""Places in the limits of grants are taken in one order, whatever order the writes of an option have."""

import pytest

from agents import gate
from agents.models import Grant, StepWork
from approvals.models import Approval
from tests.approvals.test_standing import slowly
from tests.company import Small, at_once

REFUND = {"operation": "shop.refund", "with": {"payment_id": "{payment_ids[0]}", "amount": 10}}
VOUCHER = {"operation": "shop.voucher", "with": {"amount": 20}}


def test_two_decisions_whose_writes_come_the_other_way_round_do_not_lock_each_other_out(
    racing: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would hold the one limit and wait for the other: PostgreSQL ends one of two such transactions."""
    for grant in Grant.objects.filter(agent__name="clerk", operation__name__in=["shop.refund", "shop.voucher"]):
        grant.limits = {"per_day": 9}
        grant.save()
    for step, writes in (("both", [REFUND, VOUCHER]), ("work_out", [VOUCHER, REFUND])):
        work = StepWork.objects.get(step__name=step)
        work.procedure = [
            {"option": "both", "title": "Both", "suggest_when": "true", "writes": writes},
            {"propose": ["both"]},
        ]
        work.save()
    waiting = [racing.waiting("two")[1], racing.waiting("refund", order="A101")[1]]
    slowly(monkeypatch, gate, "over_limit", 0.5)
    results = at_once([lambda a=one: racing.decide(a, "both") for one in waiting])
    assert all(isinstance(one, Approval) for one in results), results
    assert Approval.objects.filter(state="decided").count() == 2
