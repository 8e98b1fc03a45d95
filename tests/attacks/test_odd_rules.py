"""A08 and A09 generated: what is split stays one sum, and no amount passes a cap by being odd."""

import math
import random
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from agents.errors import BadArguments, Refused
from approvals.models import Approval
from cases.models import Case
from orchestrator.flow.calls import call
from tests.company import Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

CAP = 300


def ask(company: Small, case: Case, arguments: dict[str, Any]) -> str:
    """'done', 'waiting' or 'refused'."""
    actor = company.courier()
    try:
        return call(actor=actor, case_id=case.pk, operation="shop.voucher", arguments=arguments, turn=case.turn).status
    except (BadArguments, Refused):
        return "refused"


# ---------------------------------------------------------------------- A09


def odd(rng: random.Random) -> Any:
    """An amount in a form that a careless comparison takes for a small number."""
    n = rng.choice([0, 1, 20, 299, 300, 301, 500, 10**6, 2**63, 10**30])
    wide = str(n).translate({48 + digit: 0xFF10 + digit for digit in range(10)})
    arabic = str(n).translate({48 + digit: 0x660 + digit for digit in range(10)})
    return rng.choice([
        str(n), f"{n}.00", float(n), -n, f"-{n}", f"HK${n}", f"{n} HKD", f"${n}", wide, arabic, f"{n:,}", f"{n}e0",
        f"{n}e-9", hex(n), f"0{n}", f"+{n}", f" {n}\u00a0", f"{n}\u200b", f"\u202e{n}", None, [n], {"amount": n}, True,
        float("nan"), math.inf, -math.inf, 1e308 * 10, "NaN", "Infinity", 0.1 + 0.2, n + 1e-9, n + 0.004999, f"{n}/1",
        f"{n}%", "", [], {}, f"{n}_0", Decimal(n), Decimal("1E+3"), Decimal("3E+2"), f"{n}\n", f"{n};0",
    ])  # fmt: skip


def within_cap(amount: Any) -> bool:
    """Whether this is, read with goodwill, a number from 0 to the cap: only then it may go by itself."""
    if isinstance(amount, bool) or not isinstance(amount, int | float | Decimal | str):
        return False
    try:
        value = Decimal(str(amount).strip())
    except InvalidOperation:
        return False
    return value.is_finite() and 0 <= value <= CAP


@guarantee("A09", ci=60, release=200)
def test_no_amount_passes_the_cap_by_being_odd(company: Small, size: Size) -> None:
    """The schema wide open, a standing approval up to 300: right comparison, a person, or a refusal."""
    company.change("shop.voucher", arguments={"type": "object", "properties": {"amount": {}}})
    company.standing("shop.voucher", up_to=CAP)
    done = 0
    for n in size.each():
        rng = random.Random(n)
        case = company.go(company.receive("outside"))
        before, amount = len(company.shop.done), odd(rng)
        status = ask(company, case, {"amount": amount})
        sent = len(company.shop.done) > before
        done += sent
        if sent != (status == "done") or (sent and not within_cap(amount)):
            size.failed(f"{amount!r}: {status}")
        plain = isinstance(amount, int | float | Decimal) and within_cap(amount)
        if plain and not sent:
            size.failed(f"{amount!r} is within the cap and was not done")
        if status == "waiting" and not Approval.objects.get(case=case, state="waiting").reasons:
            size.failed(f"{amount!r}: a person is asked without a reason")
        if n % 3 == 0:
            control = company.go(company.receive("outside"))
            done += ask(company, control, {"amount": rng.randrange(1, CAP)}) == "done"
    assert done >= 0.3 * size.tried, f"only {done} reached the system"


# ---------------------------------------------------------------------- A08


@guarantee("A08", ci=3, release=20)
def test_a_series_of_small_ones_stops_at_the_sum(company: Small, size: Size) -> None:
    """Refunds of random size, over two orders of a customer: the one that takes the sum over the limit waits."""
    company.standing(up_to=CAP)
    sums = {"formula": "refunded + argument.amount", "is": "more than"}
    for n in size.each():
        rng = random.Random(n)
        customer = f"k{n}"
        company.shop.customers[customer] = {
            "id": customer,
            "name": customer,
            "tier": "gold",
            "contact": f"{n}@example.com",
        }
        limit, total, payments = rng.randrange(150, 600), 0, (f"q{n}a", f"q{n}b")
        company.rule("sum", {"ask": "heads"}, all=[{**sums, "value": limit}])
        for place, payment in enumerate(payments):
            order = f"B{n:02d}{place}"[:4]
            company.shop.orders[order] = company.shop._order(order, customer, 10, [payment])
            company.shop.payments[payment] = {
                "payment_id": payment,
                "state": "paid",
                "updated_at": "v1",
                "customer_id": customer,
            }
        for _step in range(8):
            amount, place = rng.randrange(10, 120), rng.randrange(2)
            order = f"B{n:02d}{place}"[:4]
            company.shop.orders[order]["total"] = amount
            before = len(company.shop.done)
            staff = {"actor": company.as_("ka"), "form": {"order_number": order}, "text": "A refund"}
            case = company.go(company.receive(customer=customer, **staff))
            sent = len(company.shop.done) > before
            if sent != (total + amount <= limit):
                size.failed(f"{total} + {amount} against {limit}: {'sent' if sent else 'not sent'} {case.status}")
            total += amount if sent else 0
