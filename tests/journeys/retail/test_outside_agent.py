"""The courier's own agent does one step through the API, and is held by gate, rules and turn as any."""

from agents.models import Run
from cases.models import Case
from orchestrator.demo.company import cast
from tests.journeys.retail.retailer import OverHttp, Retailer


def opened(retailer: Retailer, case: Case) -> tuple[OverHttp, int]:
    """Until the courier's step is open; returns its program and the turn."""
    retailer.until(case, lambda now: now.steps.get("trace", {}).get("state") == "open", "the courier's step is open")
    courier = retailer.as_agent("courier")
    [run] = [run for run in courier.get("runs/", open="1").json()["results"] if run["case"] == case.number]
    assert (run["step"], run["operations"]) == ("trace", ["deliveries.get", "tickets.create"])
    return courier, run["turn"]


def test_an_outside_agent_does_its_step_and_the_case_goes_on(retailer: Retailer) -> None:
    case = retailer.ask("Tracking says delivered but I got nothing, order 88307", cast.RACHEL.mail)
    courier, turn = opened(retailer, case)
    assert Case.objects.select_related("type").get(pk=case.pk).type.name == "parcel_trace"  # type: ignore[union-attr]
    waybill = cast.waybill_of("88307")
    calls = f"cases/{case.number}/calls/"

    seen = courier.post(calls, {"operation": "deliveries.get", "arguments": {"waybill": waybill}, "turn": turn}).json()
    assert seen["status"] == "done" and seen["result"]["waybill"] == waybill
    assert "customer_id" not in seen["result"] and "delay_reason" not in seen["result"], "only the granted fields"

    for operation, arguments, reason in (
        ("payments.refund", {"payment_id": "P-88307", "amount": 1}, "grant"),
        ("messages.send", {"to": cast.RACHEL.mail, "text": "Hello"}, "grant"),
        ("deliveries.get", {"waybill": cast.waybill_of("88213")}, "scope"),
    ):
        refused = courier.post(calls, {"operation": operation, "arguments": arguments, "turn": turn})
        assert (refused.status_code, refused.json()["detail"]["reason"]) == (403, reason), refused.json()
    ticket = {"customer_id": cast.RACHEL.id, "subject": "Search", "text": "Ask the driver", "team": "courier"}
    made = courier.post(calls, {"operation": "tickets.create", "arguments": ticket, "turn": turn})
    again = courier.post(calls, {"operation": "tickets.create", "arguments": ticket, "turn": turn})
    assert made.json() == again.json(), "the same call is found again, not done again"

    finish = f"cases/{case.number}/steps/trace/finish/"
    result = {"values": {"where": "Locker 12, Mong Kok"}, "note": "The driver left it in a locker"}
    assert courier.post(finish, {"turn": turn, "result": result}).status_code == 200
    assert retailer.teams_asked(case) == {"support-managers"}, "the words of this reply are not pre-approved"
    retailer.decided(case, "may.lee", "send")
    case = retailer.comes_to(case, "done")
    assert retailer.done(case) == ["tickets.create", "messages.send", "crm.add_note"]
    [note] = retailer.company.get(f"/crm/{cast.RACHEL.id}/notes")["results"]
    assert "Locker 12, Mong Kok" in note["text"]
    assert retailer.codes(case).count("gate.refused") == 3


def test_a_result_after_the_take_over_is_late_and_not_used(retailer: Retailer) -> None:
    who = retailer.customer(total=80, promised=-1)
    case = retailer.ask(f"My parcel has gone missing, order {who.order}", who.mail)
    courier, turn = opened(retailer, case)
    me = retailer.as_person("kayan.ho")
    assert me.post(f"cases/{case.number}/take-over/").status_code == 200
    finish = f"cases/{case.number}/steps/trace/finish/"
    late = courier.post(finish, {"turn": turn, "result": {"values": {"where": "Nowhere"}}})
    assert (late.status_code, late.json()["code"]) == (409, "turn_passed"), late.json()
    call = {"operation": "deliveries.get", "arguments": {"waybill": cast.waybill_of(who.order)}, "turn": turn}
    assert courier.post(f"cases/{case.number}/calls/", call).json()["code"] == "turn_passed"
    assert Run.objects.get(case=case, step="trace").state == "late"
    assert "ai.late" in retailer.codes(case)
    assert "Nowhere" not in str(Case.objects.get(pk=case.pk).steps)
    assert me.post(f"cases/{case.number}/close/", {"outcome": "Found by the neighbour"}).status_code == 200
