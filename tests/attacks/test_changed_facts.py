"""A04: what a decision stood on is looked at again at the moment of the write.

Six kinds of change, each at one of three moments: before the write is first tried, while it is held, and in the pause
after the system was down. It waits again or is refused, and the reason is told.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from agents.models import Agent, Grant, Write
from approvals.models import Approval
from cases.models import Case, Company
from tests.company import Small, forget
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

HEADS = {"ask": "heads"}
MOMENTS = ("before", "held", "pause")


@dataclass(frozen=True)
class Kind:
    """A change by that name. `waits`: another decision is asked for, by one of these teams; else it is over."""

    name: str
    change: Callable[[Small, str], None]
    waits: tuple[str, ...] = ()


def refunded(company: Small, payment: str) -> None:
    company.shop.payments[payment]["state"] = "refunded"


def tier(company: Small, _payment: str) -> None:
    company.shop.customers["c1"]["tier"] = "blocked"


def version(company: Small, payment: str) -> None:
    company.shop.payments[payment]["updated_at"] = "v2"


def rule(company: Small, _payment: str) -> None:
    company.rule("tightened", HEADS, all=[{"argument": "amount", "is": "more than", "value": 10}])


def grant_removed(_company: Small, _payment: str) -> None:
    row = Grant.objects.get(agent__name="clerk", operation__name="shop.refund")
    row.retired = True
    row.save()


def agent_off(_company: Small, _payment: str) -> None:
    row = Agent.objects.get(name="clerk")
    row.active = False
    row.save()


def operation_off(company: Small, _payment: str) -> None:
    company.change("shop.refund", suspended="Somebody changed its schema.")


def operation_retired(company: Small, _payment: str) -> None:
    company.change("shop.refund", retired=True)


KINDS: list[list[Kind]] = [
    [Kind("the order was refunded", refunded, ("heads",))],
    [Kind("the tier changed", tier, ("heads",))],
    [Kind("the grant was removed", grant_removed)],
    [Kind("the rule was tightened", rule, ("heads",))],
    [Kind("the record's version changed", version, ("managers",))],
    [Kind("the agent is off", agent_off), Kind("the operation is off", operation_off),
     Kind("the operation was retired", operation_retired)],
]  # fmt: skip


def arranged(company: Small, moment: str, order: str, option: str) -> Case:
    """A decided case at that moment, nothing written."""
    if moment == "held":
        company_hold(30)
    case, approval = company.waiting(order=order)
    company.decide(approval, option)
    if moment == "pause":
        path = "/payments/p1/refunds" if order == "A100" else "/payments/p3/refunds"
        company.shop.faults[path] = ["503"] * 3  # a slow machine may try again before the change comes
        company.go(case)
        company.shop.faults.clear()
        forget()
        assert company.write(case, option).state == "permitted" and company.write(case, option).attempts
    return case


def company_hold(seconds: int) -> None:
    row = Company.objects.get()
    row.hold_seconds = seconds
    row.save()


def put_back(company: Small) -> None:
    """The company as it was, for the next try."""
    company_hold(0)
    company.shop.customers["c1"]["tier"] = "gold"
    for payment in company.shop.payments.values():
        payment |= {"state": "paid", "updated_at": "v1"}
    company.rule("tightened", HEADS, all=[{"argument": "amount", "is": "more than", "value": 10**6}])
    for row in (Grant.objects.get(agent__name="clerk", operation__name="shop.refund"), Agent.objects.get(name="clerk")):
        for name, value in (("retired", False), ("active", True)):
            if hasattr(row, name):
                setattr(row, name, value)
        row.save()
    company.change("shop.refund", suspended="", retired=False)


def prepare(company: Small) -> None:
    company.rule("blocked", HEADS, all=[{"fact": "tier", "is": "is", "value": "blocked"}])
    company.rule("twice", HEADS, all=[{"fact": "pay_state", "is": "is", "value": "refunded"}])


def problem(company: Small, case: Case, kind: Kind, option: str) -> str:
    """What is wrong after the change; '' if it waits again or is over, with the reason."""
    write = company.write(case, option)
    if kind.waits:
        again = Approval.objects.filter(case=case, state="waiting").first()
        teams = set(again.asked.filter(closed=False).values_list("team__name", flat=True)) if again else set()
        if again is None or not teams <= set(kind.waits) or write.state != "waiting":
            return f"asked {teams or 'nobody'}, the write is {write.state}"
        return "" if again.reasons and company.told(case, "permit.taken_back")["why"] else "no reason"
    told = [code for code in company.codes(case) if code == "write.not_started"]
    if not told or write.state not in Write.FINAL:
        return f"it is {write.state} and was not told"
    return "" if company.told(case, "write.not_started")["words"] else "no words"


@guarantee("A04", ci=18, release=6 * 20)
def test_what_changed_since_the_decision_stops_the_write(company: Small, size: Size) -> None:
    """18: each kind at each moment. Without the change the same write goes out, tried beside each third."""
    prepare(company)
    for n in size.each():
        rng = random.Random(n)
        kind, moment = rng.choice(KINDS[n % len(KINDS)]), MOMENTS[n // len(KINDS) % len(MOMENTS)]
        order, option = rng.choice(("A100", "A101")), rng.choice(("full", "half"))
        case = arranged(company, moment, order, option)
        before = len(company.shop.done)
        kind.change(company, "p1" if order == "A100" else "p3")
        company.later(case, 400)
        if len(company.shop.done) != before:
            size.failed(f"{kind.name}, {moment}: it was sent")
        elif why := problem(company, case, kind, option):
            size.failed(f"{kind.name}, {moment}: {why}")
        put_back(company)
        if n % 3 == 0:
            control = arranged(company, moment, order, option)
            company.later(control, 400)
            assert company.write(control, option).state == "written", "without a change it goes out"
            put_back(company)


@guarantee("A04", ci=3, release=3)
def test_each_way_to_switch_it_off_counts(company: Small, size: Size) -> None:
    """The last kind has three forms; each of them once, whatever the draw above."""
    prepare(company)
    for n in size.each():
        case = arranged(company, "before", "A100", "full")
        KINDS[-1][n].change(company, "p1")
        company.go(case)
        if company.shop.done or problem(company, case, KINDS[-1][n], "full"):
            size.failed(KINDS[-1][n].name)
        put_back(company)
