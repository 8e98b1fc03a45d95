"""What the demo company has on record, and that the cast is what the stories say."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path

import pytest

from orchestrator.demo.company import cast
from orchestrator.demo.company.seed import generate
from orchestrator.demo.company.words import STATUS
from tests.demo.process import ROOT, TODAY, RunningCompany

DAY = date.fromisoformat(TODAY)


def test_it_has_enough_records_of_every_kind(company: RunningCompany) -> None:
    counts = company.get("/_control/counts")
    assert counts["customers"] >= 2000 and counts["orders"] >= 8000 and counts["payments"] == counts["orders"]
    assert counts["refunds"] > 200 and counts["notes"] > 100 and counts["catalogue"] >= 100


def test_the_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    first, again, other = generate(7, DAY), generate.__wrapped__(7, DAY), generate(8, DAY)
    assert first == again
    assert first["orders"][500:] != other["orders"][500:]
    assert first["orders"][0]["number"] == other["orders"][0]["number"] == cast.CHAN.order


def test_the_generated_records_hold_every_kind_of_trouble() -> None:
    tables = generate(7, DAY)
    states: dict[str, int] = {}
    for order in tables["orders"]:
        states[order["status"]] = states.get(order["status"], 0) + 1
    assert set(states) == set(STATUS) and all(count >= 20 for count in states.values()), states
    late = [one for one in tables["orders"] if one["status"] == "in_transit" and one["promised_on"] < TODAY]
    assert len(late) >= 50
    refunds: dict[str, int] = {}
    for refund in tables["refunds"]:
        if (DAY - date.fromisoformat(refund["made_at"][:10])).days <= 90:
            refunds[refund["customer_id"]] = refunds.get(refund["customer_id"], 0) + 1
    assert sum(1 for count in refunds.values() if count >= 2) >= 20
    assert {one["language"] for one in tables["customers"]} == {"en", "zh-hant"}
    assert {one["tier"] for one in tables["customers"]} == {"none", "silver", "gold"}


def test_numbers_and_contacts_are_unique_and_well_formed() -> None:
    tables = generate(7, DAY)
    numbers = [one["number"] for one in tables["orders"]]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch("[0-9]{5,8}", number) for number in numbers)
    for field in ("mail", "phone", "id"):
        values = [one[field] for one in tables["customers"]]
        assert len(set(values)) == len(values), field


def test_amounts_add_up() -> None:
    tables = generate(7, DAY)
    for order, payment in zip(tables["orders"], tables["payments"], strict=True):
        assert round(sum(item["price"] * item["quantity"] for item in order["items"]), 2) == order["total"]
        left = 0 if payment["status"] == "failed" else order["total"]
        assert round(payment["refundable"] + payment["refunded"], 2) == left


@pytest.mark.parametrize("who", cast.CAST, ids=lambda who: who.id)
def test_a_member_of_the_cast_is_found_by_mail_and_phone(company: RunningCompany, who: cast.Member) -> None:
    for contact in (
        who.mail.upper(),
        who.phone,
        who.phone[4:],
        f"{who.phone[:4]} {who.phone[4:8]}-{who.phone[8:]}",
    ):
        assert company.get("/customers", contact=contact)["id"] == who.id
    customer = company.get(f"/customers/{who.id}")
    assert (customer["name"], customer["tier"], customer["language"]) == (who.name, who.tier, who.language)


@pytest.mark.parametrize("who", cast.CAST, ids=lambda who: who.order)
def test_an_order_of_the_cast_is_as_late_and_dear_as_told(company: RunningCompany, who: cast.Member) -> None:
    order = company.get(f"/orders/{who.order}")
    assert (order["customer_id"], order["total"], order["status"]) == (who.id, who.total, who.status)
    assert (date.fromisoformat(order["promised_on"]) - DAY).days == who.promised
    assert (date.fromisoformat(order["ordered_on"]) - DAY).days == who.ordered
    payment = company.get(f"/payments/{cast.payment_of(who.order)}")
    assert payment["refundable"] == (0 if who.status == "payment_failed" else who.total)
    assert company.get("/refunds", customer_id=who.id, days=90)["count"] == (0 if who.refunded is None else 1)
    assert company.get(f"/crm/{who.id}/complaints")["count"] == who.complaints


def test_the_wrong_address_and_the_delay_stand_in_the_delivery(company: RunningCompany) -> None:
    assert company.get(f"/deliveries/{cast.waybill_of(cast.KA_HO.order)}")["address_ok"] is False
    late = company.get(f"/deliveries/{cast.waybill_of(cast.CHAN.order)}")
    assert late["status"] == "delayed" and late["delay_reason"]


def test_it_imports_nothing_of_the_product_and_no_django() -> None:
    for path in Path(ROOT / "orchestrator/demo/company").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.startswith("orchestrator.demo.company") or name.split(".")[0] not in (
                    "django",
                    "orchestrator",
                    "cases",
                    "agents",
                    "approvals",
                ), f"{path.name} imports {name}"
