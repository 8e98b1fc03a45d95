"""The five public bugs of this field, each tried on the running product."""

import httpx
import pytest
from django.contrib.auth.models import User

from agents.models import Proposal, Write
from approvals import services as approvals
from approvals.models import Approval, Decision
from cases.actors import person
from cases.models import Case, Company
from orchestrator.demo.company import cast
from tests.journeys.retail.retailer import Customer, Retailer


@pytest.fixture
def asked_for_480(retailer: Retailer) -> tuple[Customer, Case]:
    """A refund of HK$480.00 that waits for a support manager."""
    who = retailer.customer(total=480, promised=-9)
    case = retailer.ask(f"I want my money back for order {who.order}", who.mail)
    retailer.asked(case)
    return who, case


def refunds(retailer: Retailer, who: Customer) -> list[float]:
    return [row["amount"] for row in retailer.company.get("/refunds", customer_id=who.id)["results"]]


# 1. The approved payload is not the executed payload


def test_what_was_approved_is_what_was_carried_out(retailer: Retailer, asked_for_480: tuple[Customer, Case]) -> None:
    who, case = asked_for_480
    edits = {"payments.refund": {"amount": 100}}
    assert retailer.decide(case, "may.lee", "full", edits=edits).json()["code"] == "reason_required"
    retailer.decided(case, "may.lee", "full", edits=edits, reason="Wrong amount")
    retailer.comes_to(case, "done")
    write = Write.objects.get(case=case, operation__name="payments.refund", option="full")
    three = [write.proposed, write.decided or {}, write.carried_out or {}]
    assert [record["amount"] for record in three] == [480, 100, 100]
    assert refunds(retailer, who) == [100]


def test_a_record_that_moved_after_the_decision_asks_again(
    retailer: Retailer, asked_for_480: tuple[Customer, Case]
) -> None:
    who, case = asked_for_480
    Company.objects.update(hold_seconds=3)
    try:
        retailer.decided(case, "may.lee", "full")
    finally:
        Company.objects.update(hold_seconds=0)
    change = {"table": "payments", "id": cast.payment_of(who.order), "change": {"method": "FPS"}}
    retailer.company.control("records", change)
    retailer.until(case, lambda now: "permit.taken_back" in retailer.codes(now), "the permit is taken back")
    approval = retailer.asked(case)
    assert any("changed after it was decided" in reason for reason in approval.reasons)
    assert refunds(retailer, who) == []
    stale = {"fingerprint": "0" * 64, "option": "full"}
    answer = retailer.as_person("may.lee").post(f"approvals/{approval.pk}/decision/", stale)
    assert (answer.status_code, answer.json()["code"]) == (409, "changed")
    retailer.decided(case, "may.lee", "full")
    retailer.comes_to(case, "done")
    assert refunds(retailer, who) == [480]


# 2. A rejected call runs anyway


def test_a_rejected_call_never_runs_however_often_it_is_asked(retailer: Retailer) -> None:
    who = retailer.customer(total=480, promised=-9)
    case = retailer.ask(f"I want my money back for order {who.order}", who.mail)
    retailer.asked(case)
    me = retailer.as_person("kayan.ho")
    turn = me.post(f"cases/{case.number}/take-over/").json()["turn"]
    call = {
        "operation": "payments.refund",
        "turn": turn,
        "arguments": {"payment_id": cast.payment_of(who.order), "amount": 480},
    }
    made = me.post(f"cases/{case.number}/calls/", call)
    assert (made.status_code, made.json()["status"]) == (202, "waiting")
    [approval] = made.json()["approvals"]
    shown = Approval.objects.get(pk=approval)
    body = {"fingerprint": shown.fingerprint, "option": "reject", "reason": "Outside policy"}
    assert retailer.as_person("may.lee").post(f"approvals/{approval}/decision/", body).status_code == 200
    for _again in range(2):
        answer = me.post(f"cases/{case.number}/calls/", call)
        assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
    assert refunds(retailer, who) == []
    assert Write.objects.get(proposal=shown.proposal).state == "withdrawn"


# 3. Robots click Approve


def test_no_program_decides_what_is_of_high_risk_and_no_agent_decides_at_all(retailer: Retailer) -> None:
    case = retailer.ask("I want my money back for order 88329", cast.VIVIAN.mail)
    approval = retailer.asked(case)
    assert approval.risk == "high"
    answer = retailer.decide(case, "may.lee", "full")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_right")
    body = {"fingerprint": approval.fingerprint, "option": "full"}
    for robot in (retailer.as_agent("courier"), retailer.shop):
        assert robot.post(f"approvals/{approval.pk}/decision/", body).status_code == 403
    assert not Decision.objects.filter(approval=approval).exists()
    may = person(User.objects.get(username="may.lee"))
    approvals.decide(actor=may, approval_id=approval.pk, fingerprint=approval.fingerprint, option="full")
    retailer.comes_to(case, "done")
    assert [row["amount"] for row in retailer.company.get("/refunds", customer_id=cast.VIVIAN.id)["results"]] == [2600]


# 4. It runs twice


def test_an_answer_that_was_cut_off_does_not_make_it_run_twice(
    retailer: Retailer, asked_for_480: tuple[Customer, Case]
) -> None:
    who, case = asked_for_480
    retailer.company.control("faults", {"operation": "payments.refund", "kind": "cut_after_write", "times": 1})
    retailer.decided(case, "may.lee", "full")
    retailer.comes_to(case, "done")
    assert refunds(retailer, who) == [480]
    assert "write.unknown" in retailer.codes(case)
    write = Write.objects.get(case=case, operation__name="payments.refund", state="written")
    assert write.attempts == 2 and write.resent


def test_two_people_who_decide_make_one_decision(retailer: Retailer, asked_for_480: tuple[Customer, Case]) -> None:
    who, case = asked_for_480
    approval = retailer.asked(case)
    body = {"fingerprint": approval.fingerprint, "option": "full"}
    first = retailer.as_person("joe.tam").post(f"approvals/{approval.pk}/decision/", body)
    second = retailer.as_person("may.lee").post(f"approvals/{approval.pk}/decision/", body)
    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (409, "already_decided")
    assert "Joe Tam" in second.json()["message"]
    retailer.comes_to(case, "done")
    assert refunds(retailer, who) == [480]


# 5. Anyone with the link may approve


def test_the_link_alone_decides_nothing(retailer: Retailer, asked_for_480: tuple[Customer, Case]) -> None:
    who, case = asked_for_480
    approval = retailer.asked(case)
    body = {"fingerprint": approval.fingerprint, "option": "full"}
    address = f"{retailer.processes.url}/api/v1/approvals/{approval.pk}/decision/"
    assert httpx.post(address, json=body).status_code == 401
    assert httpx.get(address).status_code in (401, 405)
    page = httpx.get(f"{retailer.processes.url}/approvals/{approval.pk}/")
    assert page.status_code in (302, 303) and "login" in page.headers["location"]
    stranger = retailer.as_person("sam.yip").post(f"approvals/{approval.pk}/decision/", body)
    assert stranger.status_code == 404, "who is not asked is not told that it exists"
    assert Approval.objects.get(pk=approval.pk).state == "waiting"
    assert Proposal.objects.get(case=case).state == "waiting"
    assert refunds(retailer, who) == []
