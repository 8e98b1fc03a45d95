"""A replay decides as proposing does: on each set of rules, the same proposal goes the way that it really went."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from agents.configuration import current
from agents.models import Proposal, StepWork
from approvals.live_rules import live_rules
from approvals.models import Asked
from approvals.rules import Verdict
from orchestrator.workmap.ruling import past
from orchestrator.workmap.ruling.deciding import deciding
from orchestrator.workmap.ruling.replaying import Replay
from tests.company import Small, small


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


def over(amount: int) -> dict[str, Any]:
    return {"all": [{"argument": "amount", "is": "more than", "value": amount}]}


def under(amount: int) -> dict[str, Any]:
    return {"all": [{"argument": "amount", "is": "at most", "value": amount}]}


NEVER, HEADS, FINANCE, BELOW = {"forbid": "No"}, {"ask": "heads"}, {"ask": "finance"}, {"ask": "support"}
TWO = {"stages": [{"ask": "managers"}, {"ask": "heads"}]}
RULES: list[list[tuple[dict[str, Any], dict[str, Any]]]] = [
    [],
    [(HEADS, over(90))],
    [(NEVER, over(90)), (HEADS, under(60))],
    [(NEVER, under(60))],
    [(BELOW, over(90)), (FINANCE, under(60))],
    [(TWO, under(60)), (FINANCE, over(90))],
]


@pytest.mark.parametrize(
    ("suggested", "up_to"), [("full", 0), ("full", 60), ("full", 300), ("half", 0), ("half", 60), ("", 60)]
)
@pytest.mark.parametrize("rules", RULES)
def test_a_replay_goes_the_way_that_it_really_went(
    company: Small, rules: list[tuple[dict[str, Any], dict[str, Any]]], suggested: str, up_to: int
) -> None:
    for n, (then, when) in enumerate(rules):
        company.rule(f"rule-{n}", then, **when)
    if up_to:
        company.standing(up_to=up_to)
    work = StepWork.objects.get(step__type__name="refund")
    for line in work.procedure:
        line.pop("suggest_when", None)
        if suggested and line.get("option") == suggested:
            line["suggest_when"] = "true"
    work.save()
    case = company.go(company.receive())
    proposal, config = Proposal.objects.get(case=case), current()
    asked = {one.team.name: one.people for one in Asked.objects.filter(approval__proposal=proposal)}
    (one,) = past.read(past.of_case(case.pk), config)
    now, then_, _matched, _missing = Replay(
        config, live_rules(config), name="", changed=None, today=date.today()
    ).verdicts(one)
    assert now == then_ and {ask.team: ask.people for ask in now.asks} == asked
    assert (now.kind == "ask") == bool(asked) and (now.kind == "standing") == (proposal.state != "waiting")


def test_nothing_goes_by_itself_that_was_not_suggested() -> None:
    lead, standing = Verdict("ask"), Verdict("standing")
    assert deciding([lead, standing], 1, lead) == standing
    assert deciding([lead, standing], None, lead) == lead
    assert deciding([standing, standing], None, lead) == lead  # rejecting may have writes of its own


def test_of_all_that_is_forbidden_one_decides() -> None:
    lead, no = Verdict("ask"), Verdict("forbid")
    for suggested in (None, 0, 1, 2):
        assert deciding([lead, no, no], suggested, lead) == no
    assert deciding([no], None, lead) == no
