"""Handing back begins a new turn: open steps start again, what was done by hand counts, promises stay."""

from collections.abc import Iterator

import pytest

from agents.models import Run
from approvals.models import Approval
from cases.errors import Incorrect, WrongState
from cases.models import Case
from cases.texts import say
from orchestrator.desk.services import hand_back, take_over
from orchestrator.flow.calls import call
from orchestrator.flow.finishing import finish_step
from tests.company import Small, small


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


def test_the_ai_goes_on_in_a_new_turn(company: Small) -> None:
    case, _approval = company.waiting()
    case = take_over(actor=company.as_("ka"), case_id=case.pk)
    case = hand_back(actor=company.as_("ka"), case_id=case.pk, promised="a call before six")
    assert (case.status, case.holder_kind, case.turn, case.promised) == ("working", "ai", 3, "a call before six")
    case = company.go(case)
    assert case.status == "waiting_approval"
    assert Run.objects.filter(case=case, turn=3, step="work_out").exists()
    told = company.told(case, "case.handed_back")
    assert (told["may"], told["promised"]) == ("continue", "a call before six")


def test_what_was_waiting_by_hand_is_withdrawn_and_told(company: Small) -> None:
    """A refund that somebody wanted by hand: with the new turn nobody decides it, and the record says so."""
    case, _approval = company.waiting()
    ka = company.as_("ka")
    case = take_over(actor=ka, case_id=case.pk)
    arguments = {"payment_id": "p1", "amount": 5}
    call(actor=ka, case_id=case.pk, operation="shop.refund", arguments=arguments, turn=case.turn)
    hand_back(actor=ka, case_id=case.pk)
    codes = company.codes(case)
    assert codes.count("approval.withdrawn") == 2 == codes.count("proposal.withdrawn")


def test_a_step_done_by_hand_is_not_done_again(company: Small) -> None:
    case = company.go(company.receive("outside"))
    ka = company.as_("ka")
    case = take_over(actor=ka, case_id=case.pk)
    finish_step(actor=ka, case_id=case.pk, step="deliver", turn=case.turn, result={"note": "brought it myself"})
    hand_back(actor=ka, case_id=case.pk)
    case = company.go(case)
    assert case.status == "done" and not Run.objects.filter(case=case, turn=3, step="deliver").exists()


def test_what_was_written_by_hand_stays_written(company: Small) -> None:
    case = company.go(company.receive("chores"))
    assert case.status == "done"
    other = company.go(company.receive("side"))
    other = take_over(actor=company.as_("ka"), case_id=other.pk)
    call(
        actor=company.as_("ka"),
        case_id=other.pk,
        operation="shop.ticket",
        arguments={"text": "by hand"},
        turn=other.turn,
    )
    hand_back(actor=company.as_("ka"), case_id=other.pk)
    other = company.go(other)
    assert [d["text"] for d in company.shop.effects("/tickets")][-1] == "last" and other.status == "done"


def test_nobody_walks_away_from_an_unknown_outcome(company: Small) -> None:
    company.shop.faults["/vouchers"] = ["cut_after"]
    case, approval = company.waiting("vouchers")
    company.decide(approval, "voucher")
    company.go(case)
    case = take_over(actor=company.as_("ka"), case_id=case.pk)
    with pytest.raises(WrongState, match="Records to repair"):
        hand_back(actor=company.as_("ka"), case_id=case.pk)


def test_what_cannot_be_handed_back_is_refused(company: Small) -> None:
    ka = company.as_("ka")
    case, _approval = company.waiting()
    with pytest.raises(WrongState):
        hand_back(actor=ka, case_id=case.pk)  # the AI has it
    unsorted = company.go(company.receive(""))
    take_over(actor=ka, case_id=unsorted.pk)
    with pytest.raises(WrongState):
        hand_back(actor=ka, case_id=unsorted.pk)
    take_over(actor=ka, case_id=case.pk)
    for may in ("", "everything"):
        with pytest.raises(Incorrect):
            hand_back(actor=ka, case_id=case.pk, may=may)
    assert Case.objects.get(pk=case.pk).turn == 2


def handed_back(company: Small, case: Case, may: str) -> Case:
    """Taken over and given back with less than everything."""
    ka = company.as_("ka")
    case = take_over(actor=ka, case_id=case.pk)
    return company.go(hand_back(actor=ka, case_id=case.pk, may=may))


def test_who_may_only_draft_asks_about_every_write(company: Small) -> None:
    """Neither a standing approval nor a level that needs none lets the AI write; a person's decision does."""
    company.standing(up_to=1000)
    refund = handed_back(company, company.receive(), "draft")
    assert refund.status == "waiting_approval" and company.shop.done == []
    approval = Approval.objects.get(case=refund, state="waiting")
    assert any("only draft" in say(reason) for reason in approval.reasons)
    company.decide(approval, "half")
    refund = company.later(refund, 10)
    assert len(company.shop.done) == 1

    chores = handed_back(company, company.receive("chores"), "draft")
    assert chores.status == "waiting_approval" and len(company.shop.done) == 1


def test_who_may_only_watch_reads_and_leaves_the_rest_to_people(company: Small) -> None:
    company.standing(up_to=1000)
    for type_ in ("refund", "chores"):
        case = handed_back(company, company.receive(type_), "watch")
        assert case.status == "with_person" and company.shop.done == []
        refused = company.told(case, "gate.refused")
        assert refused["reason"] == "watch"
        assert not Approval.objects.filter(case=case, state="waiting").exists()


def test_what_a_person_does_by_hand_is_not_held_to_it(company: Small) -> None:
    case = handed_back(company, company.receive("chores"), "draft")
    ka = company.as_("ka")
    case = take_over(actor=ka, case_id=case.pk)
    answer = call(actor=ka, case_id=case.pk, operation="shop.note", arguments={"text": "by hand"}, turn=case.turn)
    assert answer.status == "done" and len(company.shop.done) == 1


def test_a_later_hand_back_without_limits_ends_them(company: Small) -> None:
    company.standing(up_to=1000)
    case = handed_back(company, company.receive("chores"), "watch")
    case = handed_back(company, case, "continue")
    assert case.status == "done" and company.shop.done
