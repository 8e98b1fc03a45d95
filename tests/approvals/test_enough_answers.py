"""What the rules ask for is answered by as many people, whatever option, values or rules it came to on the way."""

from typing import Any

import pytest

from agents.models import StepWork
from approvals.asking import Ask, unanswered, unanswered_by
from approvals.models import Approval
from cases.errors import Incorrect
from cases.models import Case, Team
from tests.company import Small
from tests.guarantees import guarantee

LARGE = [{"argument": "amount", "is": "more than", "value": 1000}]
BOTH = {"stages": [{"ask": "managers"}, {"ask": "heads"}]}


def asked_again(case: Case) -> list[tuple[str, int]]:
    approval = Approval.objects.get(case=case, state="waiting")
    return [(ask["team"], ask["people"]) for ask in approval.asks]


@guarantee("A03", ci=1)
def test_a_head_alone_does_not_raise_an_amount_to_where_a_manager_must_agree_too(company: Small) -> None:
    company.rule("any", {"ask": "heads"})
    company.rule("large", BOTH, all=LARGE)
    case, approval = company.waiting()
    company.decide(approval, by="grace", edits={"shop.refund": {"amount": 5000}})
    company.go(case)
    assert company.shop.done == []
    assert asked_again(case) == [("managers", 1), ("heads", 1)]


@guarantee("A04", ci=1)
def test_one_answer_is_not_enough_for_two_teams_of_a_line_that_are_asked_by_now(company: Small) -> None:
    company.change("shop.refund", hold_seconds=30)
    company.rule("any", {"ask": "heads"})
    case, approval = company.waiting()
    company.decide(approval, by="grace")
    company.rule("any", BOTH)
    company.later(case, 60)
    assert company.shop.done == []
    assert asked_again(case) == [("managers", 1), ("heads", 1)]


# ---------------------------------------------------------------------- a reject that writes something


def with_a_voucher(company: Small, people: int = 2) -> tuple[Case, Approval]:
    """Who rejects the refund gives a voucher instead, and for vouchers the rules ask so many managers."""
    work = StepWork.objects.get(step__name="work_out", step__type__name="refund")
    writes = [{"operation": "shop.voucher", "with": {"amount": 500}}]
    reject = {"option": "reject", "title": "No, a voucher", "writes": writes}
    work.procedure = [reject, *work.procedure[:-1], {"propose": ["reject", "full", "half"]}]
    work.save()
    company.rule("vouchers", {"ask": "managers", "people": people}, "shop.voucher")
    return company.waiting()


def given(company: Small, case: Case) -> int:
    company.later(case, 60)
    return len(company.shop.effects("/vouchers"))


@guarantee("A11", ci=1)
def test_a_reject_that_pays_needs_as_many_people_as_the_rules_ask_for_it(company: Small) -> None:
    case, approval = with_a_voucher(company)
    company.decide(approval, "reject")
    assert given(company, case) == 0
    company.decide(approval, "reject", by="ken")
    assert given(company, case) == 1 and company.proposal(case).state == "rejected"


def test_one_reject_is_enough_where_the_rules_ask_one_person_for_what_it_writes(company: Small) -> None:
    company.rule("refunds", {"ask": "managers", "people": 2})
    case, approval = with_a_voucher(company, people=1)
    company.decide(approval, "reject")
    assert given(company, case) == 1 and company.proposal(case).state == "rejected"


def test_after_a_reject_nobody_goes_back_to_the_first_ones_option(company: Small) -> None:
    case, approval = with_a_voucher(company)
    company.as_("ka").user.groups.add(Team.objects.get(name="managers").group)
    company.decide(approval, "full")
    with pytest.raises(Incorrect):  # what a later one rejects with is what was proposed
        company.decide(approval, "reject", by="ken", edits={"shop.voucher": {"amount": 900}})
    company.decide(approval, "reject", by="ken")
    with pytest.raises(Incorrect) as refused:
        company.decide(approval, "full", by="ka")
    assert "Ken chose “reject”" in refused.value.message
    assert given(company, case) == 0
    company.decide(approval, "reject", by="ka")
    assert given(company, case) == 1 and company.shop.effects("/payments") == []


@guarantee("A04", ci=1)
def test_a_reject_waits_again_where_more_people_are_asked_for_what_it_writes_by_now(company: Small) -> None:
    company.change("shop.voucher", hold_seconds=30)
    case, approval = with_a_voucher(company, people=1)
    company.decide(approval, "reject")
    company.rule("vouchers", {"ask": "managers", "people": 2}, "shop.voucher")
    assert given(company, case) == 0
    again = Approval.objects.get(case=case, state="waiting")
    company.decide(again, "reject")
    assert given(company, case) == 0
    company.decide(again, "reject", by="ken")
    assert given(company, case) == 1


# ---------------------------------------------------------------------- pure

HEADS, MANAGERS, LEGAL = Ask("heads"), Ask("managers", above=("heads",)), Ask("legal")


def two(ask: Ask) -> Ask:
    return Ask(ask.team, people=2, above=ask.above)


@pytest.mark.parametrize(
    ("had", "wanted", "open_"),
    [
        ([HEADS], [MANAGERS], []),
        ([MANAGERS], [HEADS], ["heads"]),
        ([HEADS], [MANAGERS, HEADS], ["managers"]),
        ([MANAGERS, HEADS], [MANAGERS, HEADS], []),
        ([HEADS, HEADS], [HEADS, MANAGERS], []),
        ([two(HEADS)], [HEADS, MANAGERS], []),
        ([two(HEADS)], [two(HEADS), MANAGERS], ["managers"]),
        ([two(MANAGERS), MANAGERS], [MANAGERS, two(MANAGERS)], []),
        ([MANAGERS, HEADS], [two(MANAGERS)], ["managers"]),
        ([HEADS, LEGAL], [MANAGERS, HEADS], ["managers"]),
        ([HEADS], [], []),
        ([], [LEGAL], ["legal"]),
    ],
)
def test_no_answer_counts_twice(had: list[Ask], wanted: list[Ask], open_: list[str]) -> None:
    for order in (1, -1):
        assert [one.team for one in unanswered(had[::order], wanted[::order])] == open_


@pytest.mark.parametrize(
    ("teams", "wanted", "enough"),
    [
        (["managers"], two(MANAGERS), False),
        (["managers", "heads"], two(MANAGERS), True),
        (["legal", "legal"], two(MANAGERS), False),
    ],
)
def test_single_answers_make_up_for_an_ask_of_several(teams: list[str], wanted: Any, enough: bool) -> None:
    assert (unanswered_by(teams, [wanted]) == []) is enough
