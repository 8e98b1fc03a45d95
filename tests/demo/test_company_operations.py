"""Each operation of the demo company: what it does and how it says no."""

from __future__ import annotations

import httpx
import pytest

from orchestrator.demo.company.cast import CHAN, EMILY, KA_HO, RACHEL, SUSAN, payment_of, waybill_of
from tests.demo.process import RunningCompany

PAID = f"/payments/{payment_of(CHAN.order)}"


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code and answer.json()["error"]["message"]


def test_a_refund_moves_the_payment_and_can_be_cancelled_once(company: RunningCompany) -> None:
    made = company.write(f"{PAID}/refunds", {"amount": 180.55, "reason": "late"})
    assert made.status_code == 201
    payment = company.get(PAID)
    assert (payment["refunded"], payment["refundable"], payment["status"]) == (
        180.55,
        299.45,
        "partly_refunded",
    )
    assert payment["version"] == 2
    path = f"/refunds/{made.json()['id']}"
    assert company.get(path)["amount"] == 180.55
    assert company.write(f"{path}/cancel", {}).json()["status"] == "cancelled"
    assert company.get(PAID)["refundable"] == 480.0
    refused(company.write(f"{path}/cancel", {}), 409, "already_cancelled")
    assert company.get("/refunds", customer_id=CHAN.id)["count"] == 0


def test_a_refund_is_not_cancelled_after_30_minutes(company: RunningCompany) -> None:
    made = company.write(f"{PAID}/refunds", {"amount": 5}).json()
    company.control(
        "records",
        {"table": "refunds", "id": made["id"], "change": {"cancel_until": "2020-01-01T00:00:00.000000Z"}},
    )
    refused(company.write(f"/refunds/{made['id']}/cancel", {}), 409, "too_late")


@pytest.mark.parametrize("amount", [0, -5, "480", None, True, 1e400, 10.001, 99999999, [1]])
def test_it_refuses_odd_amounts_and_does_nothing(company: RunningCompany, amount: object) -> None:
    answer = company.http.post(f"{PAID}/refunds", content=f'{{"amount": {_json(amount)}}}'.encode())
    refused(answer, 422, "invalid")
    assert company.log() == []


def _json(value: object) -> str:
    return {"480": '"480"', "None": "null", "True": "true", "inf": "1e400"}.get(str(value), str(value))


def test_it_refuses_more_than_was_paid_and_what_was_never_paid(company: RunningCompany) -> None:
    refused(company.write(f"{PAID}/refunds", {"amount": 480.01}), 422, "too_much")
    refused(company.write(f"/payments/{payment_of(SUSAN.order)}/refunds", {"amount": 1}), 409, "not_refundable")
    refused(company.write("/payments/P-1/refunds", {"amount": 1}), 404, "not_found")


def test_vouchers_are_made_and_cancelled(company: RunningCompany) -> None:
    made = company.write("/vouchers", {"customer_id": CHAN.id, "amount": 100, "reason": "late"}).json()
    assert company.get(f"/vouchers/{made['id']}")["status"] == "active"
    assert company.get("/vouchers", customer_id=CHAN.id)["count"] == 1
    assert company.write(f"/vouchers/{made['id']}/cancel", {}).json()["status"] == "cancelled"
    refused(company.write(f"/vouchers/{made['id']}/cancel", {}), 409, "not_active")
    refused(company.write("/vouchers", {"customer_id": "C-9", "amount": 1}), 404, "not_found")


def test_tickets_are_opened_and_changed(company: RunningCompany) -> None:
    body = {
        "customer_id": CHAN.id,
        "order_number": CHAN.order,
        "team": "logistics",
        "subject": "Late",
        "text": "Find",
    }
    made = company.write("/tickets", body).json()
    changed = company.write(f"/tickets/{made['id']}", {"status": "solved", "comment": "Done"}, method="PATCH").json()
    assert (changed["status"], changed["comments"][0]["text"], changed["version"]) == ("solved", "Done", 2)
    assert company.get("/tickets", customer_id=CHAN.id)["results"][0]["id"] == made["id"]
    refused(company.write("/tickets", {**body, "order_number": EMILY.order}), 422, "wrong_owner")
    refused(company.write("/tickets", {**body, "team": "kitchen"}), 422, "invalid")
    refused(company.write(f"/tickets/{made['id']}", {}, method="PATCH"), 422, "invalid")


def test_notes_stand_with_the_customer_and_the_order(company: RunningCompany) -> None:
    note = company.write(f"/crm/{CHAN.id}/notes", {"text": "Called", "kind": "complaint"}).json()
    assert company.get(f"/crm-notes/{note['id']}")["text"] == "Called"
    assert company.get(f"/crm/{CHAN.id}/complaints")["count"] == 1
    company.write(f"/orders/{CHAN.order}/notes", {"text": "Voucher given"})
    assert company.get(f"/orders/{CHAN.order}")["notes"][0]["text"] == "Voucher given"


def test_messages_stand_in_the_outbox(company: RunningCompany) -> None:
    sent = company.write("/messages", {"to": CHAN.mail, "text": "你好"}).json()
    assert company.get(f"/messages/{sent['id']}")["text"] == "你好"
    assert company.get("/messages", to=CHAN.mail.upper())["count"] == 1
    refused(company.write("/messages", {"to": "nobody", "text": "x"}), 422, "invalid")


def test_a_new_address_reaches_the_courier_but_not_after_delivery(company: RunningCompany) -> None:
    old = company.get(f"/orders/{KA_HO.order}")["address"]
    answer = company.write(f"/orders/{KA_HO.order}/address", {"address": "8 New Road, Central"}).json()
    assert answer["previous_address"] == old and answer["status"] == "in_transit"
    assert company.get(f"/deliveries/{waybill_of(KA_HO.order)}")["address"] == "8 New Road, Central"
    refused(company.write(f"/orders/{RACHEL.order}/address", {"address": "8 New Road"}), 409, "too_late")


def test_reference_material_is_found_in_both_languages(company: RunningCompany) -> None:
    assert "90 days" in company.get("/policies/refunds")["text"]["en"]
    assert company.get("/policies")["count"] >= 5
    assert company.get("/faq", q="when do I get my refund")["results"][0]["id"] == "Q-4"
    assert company.get("/faq", q="優惠券點用")["results"][0]["id"] == "Q-5"
    assert company.get("/catalogue", q="rice")["count"] == 6
    assert company.get("/catalogue/G-100")["price"] > 0


def test_lists_are_of_one_customer_only(company: RunningCompany) -> None:
    for path in ("/orders", "/payments", "/refunds", "/tickets", "/vouchers"):
        rows = company.get(path, customer_id=CHAN.id)["results"]
        assert all(row["customer_id"] == CHAN.id for row in rows), path
        refused(company.http.get(path), 400, "invalid")
        refused(company.http.get(path, params={"customer_id": "C-9"}), 404, "not_found")


def test_it_finds_customers_by_name_and_refuses_both_or_neither(company: RunningCompany) -> None:
    assert company.get("/customers", name="李嘉欣")["results"]
    refused(company.http.get("/customers"), 400, "invalid")
    refused(company.http.get("/customers", params={"name": "a", "contact": "b"}), 400, "invalid")
    refused(company.http.get("/customers", params={"contact": "nobody@example.com"}), 404, "not_found")


def test_an_older_version_changes_nothing(company: RunningCompany) -> None:
    company.write(f"{PAID}/refunds", {"amount": 1})
    stale = company.http.post(f"{PAID}/refunds", json={"amount": 1}, headers={"If-Match": '"1"'})
    refused(stale, 409, "changed")
    assert company.http.post(f"{PAID}/refunds", json={"amount": 1}, headers={"If-Match": "2"}).status_code == 201


def test_it_refuses_what_it_cannot_read(company: RunningCompany) -> None:
    refused(company.http.post("/vouchers", content=b"{"), 400, "invalid_json")
    refused(company.http.post("/vouchers", content=b"[1]"), 400, "invalid_json")
    refused(company.http.post("/vouchers", content=b"[" * 100_000), 400, "invalid_json")
    refused(
        company.http.post("/vouchers", content=b'{"amount": NaN, "customer_id": "C-1001"}'),
        400,
        "invalid_json",
    )
    refused(company.write("/vouchers", {"customer_id": CHAN.id, "amount": 1, "gift": 1}), 422, "invalid")
    refused(company.http.post("/vouchers", content=b" " * 1_000_001), 413, "too_large")
    refused(company.http.get("/orders", params={"customer_id": CHAN.id, "colour": "red"}), 400, "invalid")
    refused(company.http.get("/nothing"), 404, "not_found")
    refused(company.http.delete("/vouchers"), 405, "method_not_allowed")
    assert company.log() == []


def test_it_asks_for_the_token(company: RunningCompany) -> None:
    refused(httpx.get(f"{company.url}/orders/{CHAN.order}"), 401, "unauthenticated")
    wrong = httpx.get(f"{company.url}/orders/{CHAN.order}", headers={"Authorization": "Bearer wrong"})
    refused(wrong, 401, "unauthenticated")
    assert httpx.get(f"{company.url}/health").json()["status"] == "ok"


def test_it_remembers_what_was_read(company: RunningCompany) -> None:
    company.get(f"/orders/{CHAN.order}")
    reads = company.get("/_control/reads")["results"]
    assert reads[-1]["operation"] == "orders.get" and reads[-1]["records"] == [CHAN.order]
