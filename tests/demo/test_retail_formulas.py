"""The formulas of the retail map on the records of the cast: each story gets the facts that it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cases.formulas import evaluate
from orchestrator.demo.company import cast
from orchestrator.demo.company.seed import generate
from orchestrator.demo.company.words import shown_order
from tests.demo.process import TODAY
from tests.demo.test_retail_map import MAP, TYPES

NOW = datetime.fromisoformat(f"{TODAY}T04:00:00").replace(tzinfo=UTC)
HONG_KONG = ZoneInfo("Asia/Hong_Kong")
TABLES = generate(7, NOW.date())


def one(table: str, key: str, value: str) -> dict[str, Any]:
    return next(record for record in TABLES[table] if record[key] == value)


def facts(type_name: str, who: cast.Member, **argument: Any) -> dict[str, Any]:
    """What the look-ups of a type find for a member of the cast, then each formula, in order."""
    kind = TYPES[type_name]
    refunds = [row for row in TABLES["refunds"] if row["customer_id"] == who.id]
    values: dict[str, Any] = {
        "customer": one("customers", "id", who.id),
        "order": shown_order(one("orders", "number", who.order)),
        "payment": one("payments", "id", cast.payment_of(who.order)),
        "past_refunds": {"count": len(refunds), "results": refunds},
        "complaints": {"count": who.complaints},
        "tables": kind.get("tables", {}),
        "templates": {template["name"]: template["en"] for template in kind["templates"]},
        "argument": argument,
    }
    for fact in kind["facts"]:
        source = fact["from"]
        if isinstance(source, dict) and "formula" in source:
            values[fact["name"]] = evaluate(source["formula"], values, now=NOW, zone=HONG_KONG)
    return values


def suggested(type_name: str, step: str, values: dict[str, Any]) -> list[str]:
    """The options of a step that its recipe would suggest."""
    procedure = next(one["procedure"] for one in TYPES[type_name]["steps"] if one["name"] == step)
    return [
        row["option"]
        for row in procedure
        if "option" in row and evaluate(row["suggest_when"], values, now=NOW, zone=HONG_KONG) is True
    ]


@pytest.mark.parametrize(
    ("who", "full", "half", "option"),
    [
        (cast.CHAN, 480, 240, "full"),
        (cast.KA_YAN, 240, 120, "full"),
        (cast.PETER, 180, 90, "full"),
        (cast.FIONA, 300, 150, "full"),
        (cast.VIVIAN, 2600, 1300, "full"),
        (cast.KELVIN, 620, 310, "partial"),
        (cast.EMILY, 318, 159, "reject"),
        (cast.MANDY, 350, 175, "reject"),
        (cast.RAYMOND, 410, 205, "reject"),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_a_refund_is_worked_out_by_how_late_the_order_is(who: cast.Member, full: int, half: int, option: str) -> None:
    values = facts("refund", who)
    assert values["refund_full"] == full and values["refund_half"] == half
    assert values["days_late"] == -who.promised
    assert values["payment_ids"] == [cast.payment_of(who.order)]
    assert values["refunds_on_record"] == (1 if who is cast.PETER else 0)
    assert suggested("refund", "work_out", values) == [option]


@pytest.mark.parametrize(
    ("who", "voucher", "option"),
    [(cast.CHAN, 100, "double_voucher"), (cast.KELVIN, 50, "voucher"), (cast.PETER, 30, "double_voucher")],
    ids=lambda value: getattr(value, "id", None),
)
def test_a_voucher_follows_the_tier_and_the_delay(who: cast.Member, voucher: int, option: str) -> None:
    values = facts("late_delivery", who)
    assert values["voucher_amount"] == voucher and values["voucher_double"] == 2 * voucher
    assert suggested("late_delivery", "compensate", values) == [option]


def test_the_age_rule_counts_days_since_the_order() -> None:
    rule = next(one for one in MAP["rules"] if one["name"] == "no-refund-after-year")
    fact = rule["when"]["all"][0]["fact"]
    assert facts("refund", cast.MANDY)[fact] == 400
    assert facts("refund", cast.CHAN)[fact] == 14


def test_only_the_exact_words_of_a_template_count_as_fixed() -> None:
    text = next(one["en"] for one in TYPES["order_status"]["templates"] if one["name"] == "status_reply")
    assert facts("order_status", cast.EMILY, text=text)["fixed_reply"] is True
    assert facts("order_status", cast.EMILY, text=text + " ")["fixed_reply"] is False


def test_an_amount_of_the_company_comes_back_as_money() -> None:
    assert Decimal(str(facts("refund", cast.CHAN)["refund_full"])) == Decimal(480)
