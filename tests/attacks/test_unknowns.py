"""A10: a fact that a rule needs is missing, or the rule cannot be worked out: a person is asked, with the reason.

Everything here would run by itself: a confirmed standing approval covers it, and the control of each kind, with the
fact there, does run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from agents.connectors import breaker
from approvals.models import Approval, Rule
from tests.company import Small, forget
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

TIER = {"fact": "tier", "is": "is", "value": "blocked"}
AMOUNT = {"argument": "amount", "is": "more than", "value": 10_000}
EFFECTS: list[dict[str, Any]] = [
    {"ask": "heads"},
    {"forbid": "No"},
    {"ask": "managers", "people": 2},
    {"stages": [{"ask": "managers"}, {"ask": "heads"}]},
    {"ask": "heads", "if_unknown": {"ask": "managers"}},
]


@dataclass(frozen=True)
class Kind:
    """`test`: the condition of a rule; `spoil`: what makes it unknown."""

    name: str
    test: dict[str, Any]
    spoil: Callable[[Small], Any]


def broken(change: dict[str, Any]) -> Callable[[Small], Any]:
    """The rule itself is broken, by an edit that no check saw."""

    def spoil(_company: Small) -> None:
        rule = Rule.objects.get(name="stops")
        rule.when = {"operations": ["shop.refund"], **change}
        rule.save()

    return spoil


def fault(path: str, *answers: str) -> Callable[[Small], Any]:
    return lambda company: company.shop.faults.__setitem__(path, list(answers) * 9)


def customer(**values: Any) -> Callable[[Small], Any]:
    return lambda company: company.shop.customers["c1"].update(values)


def without_tier(company: Small) -> None:
    del company.shop.customers["c1"]["tier"]


PAY = {"fact": "pay_state", "is": "is", "value": "refunded"}
KINDS = [
    Kind("the system refuses", TIER, fault("/customers", "400")),
    Kind("the system is down", TIER, fault("/customers", "503")),
    Kind("the system cuts the line", PAY, fault("/payments/p1", "cut")),
    Kind("the record is not there", TIER, lambda company: company.shop.customers.pop("c1")),
    Kind("the field is not there", TIER, without_tier),
    Kind("the field is null", TIER, customer(tier=None)),
    Kind("another type is there", {"fact": "tier", "is": "more than", "value": 5}, customer(tier="high")),
    Kind("a formula divides by nothing", TIER, broken({"all": [{"formula": "1 / 0", "is": "is", "value": 1}]})),
    Kind("a formula cannot be read", TIER, broken({"all": [{"formula": "((", "is": "is", "value": 1}]})),
    Kind("a word that nobody knows", TIER, broken({"all": [{"fact": "tier", "is": "resembles", "value": "x"}]})),
    Kind("a fact that nobody declared", TIER, broken({"all": [{"fact": "mood", "is": "is", "value": "bad"}]})),
    Kind("a condition of no form", TIER, broken({"all": "everything"})),
    Kind("a path into a text", TIER, broken({"all": [{"fact": "tier.inner.more", "is": "is", "value": 1}]})),
    Kind("a count of what is not there", AMOUNT, broken({"all": [{"formula": "len(order.nothing)", "is": "is", "value": 1}]})),
]  # fmt: skip


def run(company: Small) -> tuple[bool, Approval | None]:
    """One refund: whether it was done by itself, and who is asked if not."""
    before = len(company.shop.done)
    case = company.go(company.receive())
    return len(company.shop.done) > before, Approval.objects.filter(case=case, state="waiting").first()


@guarantee("A10", ci=len(KINDS), release=100)
def test_what_cannot_be_told_asks_a_person(company: Small, size: Size, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "TRIPS", 10**6, raising=False)
    company.standing(up_to=300)
    original = dict(company.shop.customers["c1"])
    reached = 0
    for n in size.each():
        kind, effect = KINDS[n % len(KINDS)], EFFECTS[n // len(KINDS) % len(EFFECTS)]
        test = kind.test
        if kind.name == "another type is there":
            company.shop.customers["c1"]["tier"] = 3
        company.rule("stops", effect, all=[test])
        done, _nobody = run(company)
        reached += done
        if not done:
            size.failed(f"{kind.name}: it does not run even with the fact there")
        kind.spoil(company)
        done, approval = run(company)
        if done or approval is None:
            size.failed(f"{kind.name}: {'it ran' if done else 'nobody is asked'}")
        elif not approval.reasons or not approval.asked.exists():
            size.failed(f"{kind.name}: without a reason")
        company.shop.faults.clear()
        company.shop.customers["c1"] = dict(original)
        forget()
    assert reached >= 0.3 * 2 * size.tried, "too few of the tries reached the executor"
