"""What was already carried out counts, and so does what the same proposal does before it (A08); odd amounts (A09)."""

import math
import random
from decimal import Decimal, InvalidOperation
from typing import Any

from approvals.rules import RuleSpec
from cases.values import number
from tests.approvals.test_judging import case, judged
from tests.approvals.test_rules import RETAIL, decide, rule
from tests.company import Small
from tests.guarantees import Size, guarantee

__all__ = ["case"]
LIMIT = 20_000
SUM = {"formula": "refunded + argument.amount", "is": "more than", "value": LIMIT}
PAYMENT = ("shop.refund", {"payment_id": "p1", "amount": 10_000})


def carried_out(company: Small, total: int) -> bool:
    """Whether a refund of the order's total is sent without a person."""
    company.shop.orders["A100"]["total"] = total
    before = len(company.shop.effects("/payments"))
    company.go(company.receive())
    return len(company.shop.effects("/payments")) > before


@guarantee("A08", ci=1)
def test_three_payments_of_10000_do_not_slip_under_20000(company: Small) -> None:
    """One after the other: the third takes what was carried out over the limit, and waits for a person."""
    company.standing(up_to=10_000)
    company.rule("sum", {"ask": "heads"}, all=[SUM])
    assert [carried_out(company, 10_000) for _n in range(3)] == [True, True, False]


@guarantee("A08", ci=1)
def test_three_payments_of_one_proposal_do_not_slip_under_it_either(company: Small, case: Any) -> None:
    company.standing(up_to=10_000)
    company.rule("sum", {"ask": "heads"}, all=[SUM])
    assert judged(case, PAYMENT, PAYMENT).kind == "standing"
    third = judged(case, PAYMENT, PAYMENT, PAYMENT)
    assert third.kind == "ask" and [ask["team"] for ask in third.asks] == ["heads"]


def odd(dice: random.Random) -> Any:
    n = dice.choice([0, 1, 299, 300, 301, 500, 2**63])
    wide = str(n).translate({48 + digit: 0xFF10 + digit for digit in range(10)})
    return dice.choice([
        str(n), float(n), -n, f"-{n}", f"HK${n}", wide, f"{n:,}", "5e2", f"{n}e0", hex(n), f" {n}", f"+{n}", None, [n],
        {"amount": n}, {"amount": n, "currency": "GBP"}, True, math.nan, math.inf, -math.inf, "NaN", 1e308 * 10,
        0.1 + 0.2, n + 1e-9, "", f"{n}\n", Decimal(n), Decimal("NaN"), f"0{n}", f"{n}.00",
    ])  # fmt: skip


@guarantee("A09", ci=15, release=200)
def test_no_odd_amount_passes_a_rule_or_a_standing_approval(size: Size) -> None:
    """Only what is a number from 0 to 300 goes by itself; the rest is compared right, or a person decides."""
    forbid: list[RuleSpec] = [
        *RETAIL,
        rule("no", {"forbid": "Too much"}, {"argument": "amount", "is": "at least", "value": 500}),
    ]
    for n in size.each():
        amount = odd(random.Random(n))
        value = number(amount)
        verdict, hard = decide(RETAIL, amount), decide(forbid, amount)
        try:
            small = isinstance(value, Decimal) and 0 <= value <= 300
            large = isinstance(value, Decimal) and value >= 500
        except InvalidOperation:
            small = large = False
        if (verdict.kind == "standing") != small:
            size.failed(f"{amount!r}: {verdict.kind}")
        if verdict.kind == "ask" and not verdict.asks:
            size.failed(f"{amount!r}: nobody is asked")
        if (hard.kind == "forbid") != large:
            size.failed(f"{amount!r} beside a prohibition: {hard.kind}")
