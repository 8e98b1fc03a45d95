"""Refunds: who decides follows from the amount, the history and the age of the order, and from nothing else."""

import pytest

from agents.models import Proposal
from cases.models import Case
from orchestrator.demo.company import cast
from tests.journeys.retail.retailer import Retailer

SMALL = ("small-first-refunds-pre-approved", "fixed-refund-reply-pre-approved")
CARRIED_OUT = ["payments.refund", "messages.send", "crm.add_note", "tickets.create"]


def refunded(retailer: Retailer, customer: str) -> list[float]:
    """The amounts that the company gave back to this customer in the last days."""
    rows = retailer.company.get("/refunds", customer_id=customer, days=3)["results"]
    return [row["amount"] for row in rows]


def test_a_small_first_refund_asks_the_lead_until_the_standing_approval_is_confirmed(retailer: Retailer) -> None:
    retailer.standing(*SMALL, confirmed=False)
    case = retailer.ask("我想退款，訂單88251遲到！", cast.KA_YAN.mail)
    assert retailer.teams_asked(case) == {"support-managers"}
    proposal = Proposal.objects.get(case=case)
    assert (proposal.suggested, [o["name"] for o in proposal.options]) == ("full", ["reject", "partial", "full"])
    read = {row["operation"] for row in proposal.evidence}
    assert {"payments.get", "orders.get", "crm.complaints", "payments.list_refunds"} <= read, read
    retailer.decided(case, "may.lee", "full")
    assert retailer.comes_to(case, "done").outcome == "approved"
    assert retailer.done(case) == CARRIED_OUT
    assert refunded(retailer, cast.KA_YAN.id) == [240]


@pytest.mark.parametrize("total", [300, 299.99, 20])
def test_up_to_300_a_first_refund_is_made_under_the_standing_approval(retailer: Retailer, total: float) -> None:
    retailer.standing(*SMALL)
    exactly = total == 300
    who = cast.FIONA if exactly else retailer.customer(total=total, promised=-8)
    case = retailer.ask(f"I want my money back for order {who.order}", who.mail)
    case = retailer.comes_to(case, "done")
    assert case.outcome == "automatic", retailer.told(case)
    assert retailer.done(case) == CARRIED_OUT
    assert refunded(retailer, who.id) == [total]
    proposal = Proposal.objects.get(case=case)
    assert proposal.rules and "small-first-refunds-pre-approved" in retailer.rules_of(case)
    assert "approval.asked" not in retailer.codes(case)


def test_one_cent_over_300_asks_a_support_manager(retailer: Retailer) -> None:
    retailer.standing(*SMALL)
    who = retailer.customer(total=300.01, promised=-9)
    case = retailer.ask(f"I want my money back for order {who.order}", who.mail)
    assert retailer.teams_asked(case) == {"support-managers"}
    assert "refund-over-300" in retailer.rules_of(case)
    compared = [
        c for r in Proposal.objects.get(case=case).rules if r["name"] == "refund-over-300" for c in r["compared"]
    ]
    assert any((str(c["left_value"]), str(c["right_value"])) == ("300.01", "300") for c in compared), compared
    assert refunded(retailer, who.id) == []


def test_480_asks_a_support_manager_and_nobody_below(retailer: Retailer) -> None:
    case = retailer.ask("I want my money back for order 88213", cast.CHAN.mail)
    assert retailer.teams_asked(case) == {"support-managers"}
    refused = retailer.decide(case, "kayan.ho", "full")
    assert (refused.status_code, refused.json()["code"]) == (403, "no_right")
    missing = retailer.decide(case, "joe.tam", "partial")
    assert (missing.status_code, missing.json()["code"]) == (422, "reason_required")
    retailer.decided(case, "joe.tam", "full")
    retailer.comes_to(case, "done")
    assert refunded(retailer, cast.CHAN.id) == [480]
    assert "approval.refused" in retailer.codes(case)


def test_a_repeat_refund_on_record_asks_the_heads(retailer: Retailer) -> None:
    retailer.standing(*SMALL)
    case = retailer.ask("I want a refund for order 88262", cast.PETER.mail)
    assert retailer.teams_asked(case) == {"heads"}
    assert "repeat-refund" in retailer.rules_of(case)
    assert retailer.decide(case, "may.lee", "full").status_code == 403
    retailer.decided(case, "ken.ho", "full")
    retailer.comes_to(case, "done")
    assert refunded(retailer, cast.PETER.id) == [180]


def test_a_refund_that_we_made_ourselves_counts_as_the_first(retailer: Retailer) -> None:
    retailer.standing(*SMALL)
    who = retailer.customer(total=200, promised=-3)
    first = retailer.comes_to(retailer.ask(f"Please refund my order {who.order}", who.mail), "done")
    assert (first.outcome, refunded(retailer, who.id)) == ("automatic", [100])
    second = retailer.ask(f"Refund my order {who.order} completely", who.mail)
    assert retailer.teams_asked(second) == {"heads"}
    assert Proposal.objects.get(case=second).facts["refunds_90d"] == 1


def test_after_a_year_a_refund_is_forbidden_and_cannot_be_chosen(retailer: Retailer) -> None:
    case = retailer.ask("I want my money back for order 70115", cast.MANDY.mail)
    retailer.asked(case)
    options = {o["name"]: o for o in Proposal.objects.get(case=case).options}
    assert {name: o["allowed"] for name, o in options.items()} == {"reject": True, "partial": False, "full": False}
    assert "Refunds end after a year" in str(options["full"]["why"])
    answer = retailer.decide(case, "may.lee", "full", reason="Because I can")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.json()
    retailer.decided(case, "may.lee", "reject", reason="Outside policy")
    retailer.comes_to(case, "done")
    assert refunded(retailer, cast.MANDY.id) == []
    assert retailer.done(case) == ["messages.send", "crm.add_note", "tickets.create"]


def test_a_delivered_order_gives_no_ground_for_a_refund(retailer: Retailer) -> None:
    case = retailer.ask("Give me a refund for order 88352", cast.RAYMOND.mail)
    assert retailer.asked(case).proposal.suggested == "reject"
    assert Case.objects.get(pk=case.pk).facts["days_late"]["known"]
    assert refunded(retailer, cast.RAYMOND.id) == []
