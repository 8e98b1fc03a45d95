"""Nobody locks another out: the limits of grants have one order, and naming a case does not wait for its lock."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from agents import gate
from agents.models import Grant, StepWork
from approvals.covering import keep_sight
from approvals.models import Approval, Cover
from approvals.raising import give_sight
from cases import transitions as case_transitions
from cases.clock import database_now
from cases.models import CaseSight, Team
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


def test_cover_that_begins_while_its_case_asks_on_locks_nobody_out(racing: Small) -> None:
    """Both give the same person sight: the one holds the case, the other has the row and names the case at its end."""
    case, _approval = racing.waiting()
    may, wing = (racing.as_(name).user_id or 0 for name in ("may", "wing"))
    now = database_now()
    Cover.objects.create(
        of_id=may, by_id=wing, starts_at=now, ends_at=now + timedelta(days=1), set_by_label="may", created_at=now
    )
    managers = {Team.objects.get(name="managers").pk}
    begins: list[Any] = []
    with transaction.atomic():
        locked, at = case_transitions.lock_at(case.pk, {})
        other = threading.Thread(target=lambda: begins.extend(at_once([lambda: keep_sight(now=now)])))
        other.start()
        time.sleep(1)  # it has its row by now
        give_sight(locked, managers, now=at)
    other.join()
    assert begins == [1]
    assert CaseSight.objects.filter(case=case, user=wing).count() == 1
