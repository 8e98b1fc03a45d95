"""A proposal: options with writes, judged and bound by one fingerprint; done again, it is found again."""

from typing import Any

import pytest

from agents.fingerprint import fingerprint
from agents.judge import Option, PlannedWrite
from agents.models import Proposal, StepWork, Write
from agents.money import money_of
from agents.proposing import named, risk_of, with_reject
from cases.models import Case
from cases.values import UNKNOWN
from orchestrator.flow.calls import call
from tests.company import Small, at_once

BASE: dict[str, Any] = {
    "case_id": 1001,
    "turn": 1,
    "options": [
        {
            "name": "full",
            "writes": [
                {"name": "w", "operation": "o", "arguments": {"amount": 100, "note": "é"}, "target_version": "v1"}
            ],
        }
    ],
    "facts": {"tier": "gold"},
    "versions": {"map": 3},
}


def changed(**arguments: Any) -> str:
    write = {**BASE["options"][0]["writes"][0], "arguments": arguments}
    return fingerprint(**{**BASE, "options": [{"name": "full", "writes": [write]}]})


SAME = [{"note": "é", "amount": 100}, {"amount": 100.0, "note": "é"}]
OTHER = [
    {"amount": "100", "note": "é"}, {"amount": 100.01, "note": "é"}, {"amount": 100, "note": "e\u0301"},
    {"amount": 100, "note": "é "}, {"amount": 100, "note": "é", "more": None}, {"amount": 100}, {"amount": -100, "note": "é"},
    {"amount": True, "note": "é"}, {"amount": [100], "note": "é"}, {"Amount": 100, "note": "é"},
]  # fmt: skip


@pytest.mark.parametrize("arguments", SAME, ids=range(len(SAME)))
def test_key_order_and_equal_numbers_are_the_same_payload(arguments: Any) -> None:
    assert changed(**arguments) == fingerprint(**BASE)


@pytest.mark.parametrize("arguments", OTHER, ids=range(len(OTHER)))
def test_every_real_change_is_another_payload(arguments: Any) -> None:
    """A03."""
    assert changed(**arguments) != fingerprint(**BASE)


@pytest.mark.parametrize(
    "change",
    [{"case_id": 1002}, {"turn": 2}, {"facts": {"tier": "basic"}}, {"versions": {"map": 4}}, {"options": []}],
    ids=range(5),
)
def test_another_case_turn_fact_or_version_is_another_payload(change: Any) -> None:
    assert fingerprint(**{**BASE, **change}) != fingerprint(**BASE)


def test_reject_is_always_there_and_first(company: Small) -> None:
    case, _approval = company.waiting()
    assert [o["name"] for o in company.proposal(case).options] == ["reject", "full", "half"]
    own = Option("reject", "No", [])
    assert with_reject([Option("a", "A"), own]) == [own, Option("a", "A")]


def test_repeated_names_get_a_number(company: Small) -> None:
    config = company.change("shop.voucher")
    writes = [PlannedWrite("give", config, {}) for _n in range(3)]
    assert [w.name for w in named(writes)] == ["give", "give#2", "give#3"]


@pytest.mark.parametrize(
    ("arguments", "money"),
    [
        ({}, None),
        ({"amount": None}, UNKNOWN),
        ({"amount": "x"}, UNKNOWN),
        ({"amount": 5}, 5),
        ({"amount": 10**20}, UNKNOWN),
    ],
    ids=range(5),
)
def test_money_that_is_absent_moves_none_and_odd_money_is_unknown(company: Small, arguments: Any, money: Any) -> None:
    operation = company.change("shop.voucher", arguments={"type": "object", "properties": {"amount": {}}})
    found, _currency = money_of(operation, arguments, company="HKD")
    assert found is money or found == money


def test_the_risk_rises_with_the_money(company: Small) -> None:
    from decimal import Decimal

    operation = company.change("shop.refund", high_above=50, risk="low")
    assert [risk_of(PlannedWrite("w", operation, {}, money=Decimal(n))) for n in (50, 51)] == ["low", "high"]


def test_a_recipe_that_is_done_again_finds_its_proposal(company: Small) -> None:
    case, _approval = company.waiting()
    from agents.models import Run

    Run.objects.filter(case=case, step="work_out").update(waiting_on=None, lease_until=None)
    company.later(case, 100)
    from cases.clock import database_now

    Case.objects.filter(pk=case.pk).update(wake_at=database_now())
    company.go(case)
    assert Proposal.objects.filter(case=case).count() == 1


def ask(company: Small, case: Case, amount: int = 5) -> Any:
    return call(
        actor=company.courier(), case_id=case.pk, operation="shop.voucher", arguments={"amount": amount}, turn=case.turn
    )


def test_the_same_call_again_is_the_same_proposal(company: Small) -> None:
    case = company.go(company.receive("outside"))
    one, again, other = ask(company, case), ask(company, case), ask(company, case, 6)
    assert one.status == "waiting" and one.proposal_id == again.proposal_id != other.proposal_id


def test_the_same_call_at_the_same_moment_is_one_effect(racing: Small) -> None:
    """Without looking again under the case lock each of them would be written."""
    racing.standing("shop.voucher", up_to=300)
    for place in range(3):
        case = racing.go(racing.receive("outside"))
        before = len(racing.shop.done)
        results = at_once([lambda c=case: ask(racing, c, 5) for _n in range(5)])
        assert not [r for r in results if isinstance(r, Exception)], results
        assert len(racing.shop.done) == before + 1, place
        assert Proposal.objects.filter(case=case).count() == 1


def test_the_same_internal_call_at_the_same_moment_is_one_effect(racing: Small) -> None:
    case = racing.go(racing.receive("outside"))

    def job() -> Any:
        arguments = {"text": "x"}
        return call(actor=racing.courier(), case_id=case.pk, operation="shop.note", arguments=arguments, turn=case.turn)

    results = at_once([job] * 5)
    assert all(r.__class__.__name__ in ("CallAnswer", "WrongState") for r in results), results
    assert len(racing.shop.effects("/notes")) == 1 and Write.objects.filter(case=case).count() == 1


@pytest.mark.parametrize(("operation", "arguments"), [("shop.note", {"text": "x"}), ("shop.voucher", {"amount": 5})])
def test_a_call_that_comes_in_between_is_found_under_the_lock(
    company: Small, monkeypatch: pytest.MonkeyPatch, operation: str, arguments: Any
) -> None:
    """The same call was done from beginning to end after this one looked, and before it had the lock."""
    from orchestrator.flow import calls

    company.standing("shop.voucher", up_to=300)
    case = company.go(company.receive("outside"))
    real, between = calls.still_theirs, [1]

    def job() -> Any:
        return call(actor=company.courier(), case_id=case.pk, operation=operation, arguments=arguments, turn=case.turn)

    def interrupted(*given: Any) -> Any:
        if between:
            between.clear()
            assert job().status == "done"
        return real(*given)

    monkeypatch.setattr(calls, "still_theirs", interrupted)
    assert job().status == "done"
    assert len(company.shop.done) == 1 == Write.objects.filter(case=case, state="written").count()


def test_a_call_that_failed_may_be_tried_again(company: Small) -> None:
    case = company.go(company.receive("outside"))
    company.shop.faults["/notes"] = ["422"]
    one = call(actor=company.courier(), case_id=case.pk, operation="shop.note", arguments={"text": "x"}, turn=case.turn)
    two = call(actor=company.courier(), case_id=case.pk, operation="shop.note", arguments={"text": "x"}, turn=case.turn)
    assert (one.status, two.status) == ("failed", "done")


def test_an_unreached_system_leaves_nothing_to_carry_out_later(company: Small) -> None:
    case = company.go(company.receive("outside"))
    company.shop.faults["/notes"] = ["503"]
    answer = call(
        actor=company.courier(), case_id=case.pk, operation="shop.note", arguments={"text": "x"}, turn=case.turn
    )
    assert answer.status == "failed" and Write.objects.get(case=case).state == "withdrawn"
    assert "write.not_started" in company.codes(case)
    company.later(case)
    assert company.shop.done == []


def test_a_proposal_whose_options_do_not_fit_asks_a_person(company: Small) -> None:
    work = StepWork.objects.get(step__type__name="refund", step__name="work_out")
    work.procedure = [{"option": "full", "title": "Full", "when": "total > 1000", "writes": []}, {"propose": ["full"]}]
    work.save()
    case = company.go(company.receive())
    assert case.status == "with_person" and not Proposal.objects.filter(case=case).exists()
