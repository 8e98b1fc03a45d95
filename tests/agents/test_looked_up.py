"""What a look-up proves about a write whose outcome nobody knows."""

from typing import Any

import pytest

from agents import executor
from agents.models import Operation
from cases.values import UNKNOWN
from tests.company import Small


@pytest.mark.parametrize(
    ("keep", "answer", "found"),
    [
        ({}, {"id": "d1"}, {"id": "d1"}),
        ({}, {"done": True}, {"done": True}),
        ({}, [{"id": "d1"}], {"id": "d1"}),
        ({}, {"orders": [], "count": 0, "next": None}, None),
        ({}, [], None),
        ({}, {"orders": [], "count": 0, "next": "/orders?page=2"}, UNKNOWN),
        ({}, {"orders": [{"id": "d1"}, {"id": "d2"}]}, UNKNOWN),
        ({}, [{"id": "d1"}, {"id": "d2"}], UNKNOWN),
        ({"items": "orders"}, {"orders": [], "next": "/orders?page=2"}, None),
        ({"items": "orders"}, {"orders": [{"id": "d1"}]}, {"id": "d1"}),
        ({"items": "orders"}, {"count": 1}, UNKNOWN),
    ],
)
def test_a_look_up_proves_a_write_by_one_record_only(keep: Any, answer: Any, found: Any) -> None:
    assert executor.looked_up(Operation(name="shop.gifts", keep=keep), answer) == found


def test_a_search_that_finds_nothing_does_not_make_it_written(company: Small) -> None:
    company.change("shop.orders", keep={})
    company.change("shop.gift", effect_key={"look_up": "shop.orders"})
    company.shop.orders.clear()
    company.shop.faults["/gifts"] = ["cut"]
    case, approval = company.waiting("gifts")
    company.decide(approval, "gift")
    company.go(case)
    company.later(case)
    assert company.write(case, "gift").state == "unknown" and company.shop.done == []
