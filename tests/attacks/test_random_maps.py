"""A11: random maps. Whatever rules, grants, levels and standing approvals stand there, level 4 needs a stored approval.

The whole way of a call: gate, rules, places, permit, executor, system. One case takes many calls, so that a thousand
maps fit into a run; the way of a case with its steps is tried with fewer rules in `approvals/test_standing.py`.
"""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Agent, Grant, Operation, Write
from approvals.models import Approval, Decision, Rule, StandingApproval
from cases.models import Case
from orchestrator.flow.calls import call
from tests.company import Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

LOWER = ("reference", "case", "internal")
EACH = 25  # calls of a case
AMOUNT = {"argument": "amount", "is": "at most", "value": 10**9}
THEN: list[Any] = [
    {"ask": "managers"}, {"ask": "heads", "people": 2}, {"forbid": "No"}, {}, {"standing_approval": True},
    {"approve": "always"}, {"standing_approval": {}}, {"ask": None}, {"forbid": ""},
    {"standing_approval": {"by": "", "up_to": 10}}, {"stages": []}, {"ask": "managers", "people": 0},
]  # fmt: skip
WHEN: list[dict[str, Any]] = [
    {}, {"all": []}, {"any": []}, {"operations": ["shop.voucher"]}, {"operations": ["shop.voucher"], "all": [AMOUNT]},
    {"all": [{"fact": "tier", "is": "is not", "value": "x"}]}, {"all": [{"fact": "not_there", "is": "known"}]},
    {"all": [{"formula": "1 / 0", "is": "is", "value": 1}]}, {"types": ["outside"]}, {"types": ["refund"]},
    {"not": {"fact": "tier", "is": "known"}}, {"all": [{"argument": "amount", "is": "more than", "value": "x"}]},
    {"operations": ["shop.gift"]}, {"al": 1}, {"all": "x"},
]  # fmt: skip


def lay_down(rng: random.Random) -> None:
    """Another map in the rows: rules with their standing approvals, the agent, its grants, the operation's level."""
    StandingApproval.objects.all().delete()
    Rule.objects.all().delete()
    people = list(User.objects.filter(username__in=("may", "ken")))
    only_standing = rng.random() < 0.4  # else one rule that asks hides all of them
    for place in range(rng.randrange(1, 3) if only_standing else rng.randrange(5)):
        then = rng.choice(THEN)
        if only_standing or rng.random() < 0.5:
            caps = {"up_to": rng.choice([0, 10, 1000]), "per_day": rng.choice([1, 1_000_000])}
            then = {"standing_approval": {"by": rng.choice(["may", "ken", "nobody"]), **caps}}
        active, retired = rng.random() < 0.9, rng.random() < 0.05
        rule = Rule.objects.create(
            name=f"r{place}",
            title="r",
            when=rng.choice(WHEN[:5] if only_standing else WHEN),
            then=then,
            active=active,
            retired=retired,
        )
        if isinstance(then.get("standing_approval"), dict) and rng.random() < 0.9:
            now = timezone.now()
            StandingApproval.objects.create(
                rule=rule,
                by=then["standing_approval"].get("by", ""),
                confirmed_by=rng.choice(people),
                confirmed_at=now if rng.random() < 0.8 else None,
                rule_version=rule.version if rng.random() < 0.9 else rule.version + 1,
                withdrawn_at=now if rng.random() < 0.1 else None,
                paused_at=now if rng.random() < 0.1 else None,
            )
    agent, operation = Agent.objects.get(name="courier"), Operation.objects.get(name="shop.voucher")
    agent.active, agent.limits = rng.random() < 0.95, {"calls_per_run": 10**6, "seconds_per_run": 10**6}
    agent.save()
    operation.level = rng.choice(["controlled"] * 8 + ["", "Controlled", "internal", "case"])
    operation.risk = rng.choice(["low", "medium", "high"])
    operation.save()
    grant = Grant.objects.get(agent=agent, operation=operation)
    grant.retired, grant.types = rng.random() < 0.05, rng.choice([[], [], [], ["outside"], ["refund"]])
    grant.until = timezone.localdate() + timedelta(days=rng.choice([30, 30, 30, 30, -2]))
    grant.limits = rng.choice([{}, {}, {"per_case": 10**6}, {"per_day": 0}])
    grant.save()


def backed(write: Write, amount: int) -> bool:
    """Whether somebody's stored word stands behind it: a decision, or a standing approval in force with room for it."""
    if Decision.objects.filter(approval__proposal=write.proposal_id, option="do", undone_at=None).exists():
        return True
    row = StandingApproval.objects.select_related("rule").filter(rule=write.permit_rule).first()
    if row is None or not row.confirmed_at or row.withdrawn_at or row.paused_at:
        return False
    rule = row.rule
    cap = rule.then["standing_approval"].get("up_to")
    return rule.active and not rule.retired and row.rule_version == rule.version and cap is not None and amount <= cap


@guarantee("A11", ci=1_000, release=20_000, seconds=600)
def test_on_no_map_level_4_goes_without_an_approval(company: Small, size: Size) -> None:
    reached = {"by itself": 0, "lower": 0, "decided": 0}
    at: list[Case] = []

    @settings(max_examples=size.number, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**48))
    def one(seed: int) -> None:
        rng, n = random.Random(seed), size.tried
        size.tried += 1
        if n % EACH == 0:
            StandingApproval.objects.all().delete()
            Rule.objects.all().delete()
            at[:] = [company.go(company.receive("outside"))]
        lay_down(rng)
        amount = rng.choice([0, 5, 50, 5000])
        _try(company, at[0], rng, n, amount, reached)

    one()
    assert reached["by itself"] >= 0.01 * size.tried and reached["decided"] >= 0.03 * size.tried, reached


def _try(company: Small, case: Case, rng: random.Random, n: int, amount: int, reached: dict[str, int]) -> None:
    before, code = len(company.shop.done), f"{n}-{rng.randrange(10**9)}"
    arguments = {"amount": amount, "code": code}
    try:
        call(actor=company.courier(), case_id=case.pk, operation="shop.voucher", arguments=arguments, turn=case.turn)
    except Exception as refusal:
        assert type(refusal).__name__ in ("Forbidden", "Refused", "NotFound", "NotOpen"), refusal
    write = Write.objects.filter(case=case, proposed__code=code).select_related("operation").first()
    sent = len(company.shop.done) > before
    lower = Operation.objects.get(name="shop.voucher").level in LOWER
    if sent and not lower:
        assert write is not None and write.permit_fingerprint and backed(write, amount), (write, amount)
        reached["by itself"] += 1
    reached["lower"] += sent and lower
    waiting = None if write is None else Approval.objects.filter(proposal=write.proposal_id, state="waiting").first()
    if sent or waiting is None or rng.random() < 0.6:
        return
    if {(a.team.name, a.people) for a in waiting.asked.select_related("team")} == {("managers", 1)}:
        company.decide(waiting, "do")
        company.go(case)
        if len(company.shop.done) > before:  # what was switched off meanwhile is not sent
            assert write is not None and backed(Write.objects.get(pk=write.pk), amount)
            reached["decided"] += 1
