"""“I have not received my order”: one sentence, five ways to go, and a sixth when the number is missing."""

from agents.models import Proposal, Write
from cases.models import Case, Message
from cases.texts import say
from orchestrator.demo.company import cast
from tests.journeys.retail.retailer import Retailer

STATUS_RULES = ("fixed-status-reply-pre-approved", "fixed-question-pre-approved")


def test_a_status_reply_waits_for_the_lead_until_the_standing_approval_is_confirmed(retailer: Retailer) -> None:
    retailer.standing(*STATUS_RULES, confirmed=False)
    case = retailer.ask("Where is my order 88240?", cast.EMILY.mail)
    assert retailer.teams_asked(case) == {"support-managers"}
    case = retailer.comes_to(case, "waiting_approval")
    assert case.type is not None and case.type.name == "order_status"
    assert retailer.done(case) == []
    assert any("not confirmed" in say(reason) for reason in retailer.asked(case).reasons)
    retailer.decided(case, "may.lee", "send")
    case = retailer.comes_to(case, "done")
    assert case.outcome == "approved"
    assert retailer.done(case) == ["messages.send"]

    retailer.standing(*STATUS_RULES)
    again = retailer.comes_to(retailer.ask("Where is my order 88240?", cast.EMILY.mail), "done")
    assert again.outcome == "automatic"
    assert "approval.asked" not in retailer.codes(again)
    assert retailer.writes(again) == [("messages.send", "written")]
    sent = retailer.company.get("/messages", to=cast.EMILY.mail)["results"]
    assert len(sent) == 2 and "88240" in sent[0]["text"]
    assert again.first_reply_at is not None
    assert again.messages.filter(direction=Message.Direction.OUT, by_ai=True).count() == 1


def test_it_answers_a_cantonese_message_in_chinese(retailer: Retailer) -> None:
    retailer.standing(*STATUS_RULES)
    case = retailer.comes_to(retailer.ask("唔該，我張單88318去到邊？", cast.TSZ_KIN.mail), "done")
    assert (case.outcome, case.language) == ("automatic", "zh-hant")
    [sent] = retailer.company.get("/messages", to=cast.TSZ_KIN.mail)["results"]
    assert sent["text"].startswith(cast.TSZ_KIN.name) and "你好" in sent["text"]


def test_a_delay_gets_a_ticket_and_a_voucher_that_a_manager_decides(retailer: Retailer) -> None:
    case = retailer.ask("My delivery is late, order 88330. What now?", cast.KELVIN.mail)
    assert retailer.teams_asked(case) == {"support-managers"}
    case = retailer.comes_to(case, "waiting_approval")
    assert case.type is not None and case.type.name == "late_delivery"
    assert retailer.done(case) == ["tickets.create"], "the ticket is made at once, the voucher waits"
    proposal = Proposal.objects.get(case=case)
    assert (proposal.suggested, proposal.state) == ("voucher", "waiting")
    assert [option["name"] for option in proposal.options] == ["reject", "voucher", "double_voucher"]
    assert "voucher-needs-manager" in retailer.rules_of(case)

    retailer.decided(case, "joe.tam", "voucher")
    case = retailer.comes_to(case, "done")
    assert case.outcome == "approved"
    assert retailer.done(case) == [
        "tickets.create",
        "vouchers.create",
        "messages.send",
        "crm.add_note",
        "orders.add_note",
        "tickets.update",
    ]
    [voucher] = retailer.company.get("/vouchers", customer_id=cast.KELVIN.id)["results"]
    assert voucher["amount"] == 50
    [note] = retailer.company.get(f"/crm/{cast.KELVIN.id}/notes")["results"]
    assert "Decided: voucher" in note["text"]
    order = retailer.company.get(f"/orders/{cast.KELVIN.order}")
    assert any("Decided: voucher" in one["text"] for one in order["notes"])
    [ticket] = retailer.company.get("/tickets", customer_id=cast.KELVIN.id)["results"]
    assert (ticket["status"], ticket["team"]) == ("waiting", "logistics")
    states = dict(Write.objects.filter(proposal=proposal).values_list("option", "state"))
    assert states == {"voucher": "written", "reject": "withdrawn", "double_voucher": "withdrawn"}


def test_a_status_enquiry_about_a_late_order_is_routed_by_the_data(retailer: Retailer) -> None:
    who = retailer.customer(total=220, promised=-4)
    case = retailer.ask(f"Where is my order {who.order}?", who.mail)
    retailer.asked(case)
    case = Case.objects.select_related("type").get(pk=case.pk)
    assert case.type is not None and case.type.name == "late_delivery"
    assert case.sorting["routed"] == "order_status"
    assert retailer.codes(case).count("request.sorted") == 2
    retailer.decided(case, "may.lee", "reject", reason="Already compensated")
    case = retailer.comes_to(case, "done")
    assert "vouchers.create" not in retailer.done(case), "only the reply of the option that was chosen"
    assert retailer.done(case).count("messages.send") == 1
    assert Proposal.objects.get(case=case).state == "rejected"


def test_a_wrong_address_goes_to_the_logistics_team(retailer: Retailer) -> None:
    case = retailer.ask("我填錯地址，訂單88274點算？", cast.KA_HO.mail)
    case = retailer.comes_to(case, "with_person")
    assert case.type is not None and case.type.name == "wrong_address"
    assert case.holder_team is not None and case.holder_team.name == "logistics"
    assert case.why_here["code"] == "step_of_people"
    assert retailer.done(case) == ["tickets.create"]
    assert retailer.as_person("tommy.lau").get(f"cases/{case.number}/").status_code == 200
    _finish_by_hand(retailer, case, "tommy.lau")


def test_a_payment_problem_goes_to_finance(retailer: Retailer) -> None:
    case = retailer.ask("My payment failed for order 88285, where is my order?", cast.SUSAN.mail)
    case = retailer.comes_to(case, "with_person")
    assert case.type is not None and case.type.name == "payment_problem"
    assert case.holder_team is not None and case.holder_team.name == "finance"
    [ticket] = retailer.company.get("/tickets", customer_id=cast.SUSAN.id)["results"]
    assert (ticket["team"], ticket["priority"]) == ("finance", "high")
    _finish_by_hand(retailer, case, "wing.chan")


def test_a_complaint_goes_to_a_supervisor_at_once(retailer: Retailer) -> None:
    case = retailer.ask("我要投訴！訂單88296遲咗三日！", cast.CHI_MING.mail)
    case = retailer.comes_to(case, "with_person")
    assert case.type is not None and case.type.name == "complaint"
    assert case.holder_team is not None and case.holder_team.name == "support-managers"
    assert "messages.send" not in retailer.done(case), "nobody but a person answers a complaint"
    _finish_by_hand(retailer, case, "may.lee")


def test_it_asks_for_the_order_number_and_the_answer_continues_the_case(retailer: Retailer) -> None:
    retailer.standing(*STATUS_RULES)
    who = retailer.customer(total=150, promised=2)
    case = retailer.comes_to(retailer.ask("Where is my order?", who.mail), "waiting_customer")
    assert case.lacked == ["order_number"]
    assert retailer.done(case) == ["messages.send"]
    answer = retailer.shop.post(
        f"cases/{case.number}/messages/", {"from": {"contact": who.mail}, "text": f"Sorry: {who.order}"}
    )
    assert answer.status_code == 201
    case = retailer.comes_to(case, "done")
    assert case.facts["order_number"]["value"] == who.order
    assert retailer.done(case) == ["messages.send", "messages.send"]


def test_it_asks_once_and_then_a_person_has_the_case(retailer: Retailer) -> None:
    retailer.standing(*STATUS_RULES)
    who, somebody = retailer.customer(total=150, promised=2), retailer.customer(total=90, promised=2)
    case = retailer.comes_to(retailer.ask("Where is my order?", who.mail), "waiting_customer")
    # The number of somebody else's order is no answer: the owner is read from the system, not believed.
    retailer.shop.post(f"cases/{case.number}/messages/", {"from": {"contact": who.mail}, "text": somebody.order})
    case = retailer.comes_to(case, "with_person")
    assert case.why_here["code"] == "still_missing"
    assert not case.facts["order_number"]["known"] and not case.facts["order"]["known"]
    assert retailer.done(case) == ["messages.send"]


def _finish_by_hand(retailer: Retailer, case: Case, username: str) -> None:
    """The person takes the case, answers through the same gate and rules, and hands the rest back to the AI."""
    me = retailer.as_person(username)
    taken = me.post(f"cases/{case.number}/take-over/").json()
    assert taken["holder"]["kind"] == "person" and taken["turn"] == case.turn + 1
    step = next(name for name, one in case.steps.items() if one["state"] == "open")
    finished = me.post(f"cases/{case.number}/steps/{step}/finish/", {"turn": taken["turn"], "result": {"note": "Done"}})
    assert finished.status_code == 200, finished.json()
    assert me.post(f"cases/{case.number}/hand-back/", {"may": "continue"}).status_code == 200
    case = retailer.settled(case)
    while case.status == "waiting_approval":
        retailer.decided(
            case, "may.lee" if username != "may.lee" else "joe.tam", retailer.asked(case).proposal.suggested
        )
        case = retailer.settled(case)
    assert case.status == "done", retailer.told(case)
    assert "step.done_by_hand" in retailer.codes(case)
