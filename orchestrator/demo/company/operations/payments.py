"""Payments and refunds. A refund can be cancelled for 30 minutes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from orchestrator.demo.company.calls import Call, Done, Found, Record, Route, stamp
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.money import amount_of, shown
from orchestrator.demo.company.schemas import AMOUNT, LIMIT, SHORT, WHOLE, body
from orchestrator.demo.company.store import Store, listed, touched
from orchestrator.demo.company.versions import check_version

CANCEL_WITHIN = timedelta(minutes=30)


def get(store: Store, call: Call) -> Found:
    """One payment; `refundable` is what is left to give back."""
    return Found(store.get("payments", call.params["payment_id"]), [call.params["payment_id"]])


def of_customer(store: Store, call: Call) -> Found:
    """The payments of one customer, newest first."""
    rows = store.of_customer("payments", store.get("customers", call.query["customer_id"])["id"])
    return Found(listed(rows, int(call.query.get("limit", 100))), [one["id"] for one in rows])


def refund(store: Store, call: Call) -> Done:
    """Give money back on a payment: 409 if it was never paid, 422 if more than is left."""
    payment = store.get("payments", call.params["payment_id"])
    check_version(payment, call)
    amount = amount_of(call.body["amount"])
    if payment["status"] not in ("paid", "partly_refunded"):
        raise Refused(409, "not_refundable", f"Payment {payment['id']} is {payment['status']}.")
    if amount > amount_of(payment["refundable"]):
        raise Refused(422, "too_much", f"HK${payment['refundable']:.2f} of payment {payment['id']} is left to refund.")
    changed = _moved(payment, amount, call)
    made: Record = {
        "id": store.next_id("refunds", "R"),
        "payment_id": payment["id"],
        "order_number": payment["order_number"],
        "customer_id": payment["customer_id"],
        "amount": shown(amount),
        "currency": "HKD",
        "status": "done",
        "reason": call.body.get("reason", ""),
        "made_at": call.at_text,
        "cancel_until": stamp(call.at + CANCEL_WITHIN),
        "version": 1,
        "updated_at": call.at_text,
    }
    return Done(made, [("payments", changed), ("refunds", made)], made["id"], 201)


def _moved(payment: Record, amount: Decimal, call: Call) -> Record:
    """The payment after `amount` more (or, negative, less) was refunded."""
    refunded = amount_of(payment["refunded"]) + amount
    left = amount_of(payment["amount"]) - refunded
    status = "refunded" if left == 0 else "partly_refunded" if refunded else "paid"
    return touched(payment, call.at_text, refunded=shown(refunded), refundable=shown(left), status=status)


def get_refund(store: Store, call: Call) -> Found:
    """One refund."""
    return Found(store.get("refunds", call.params["refund_id"]), [call.params["refund_id"]])


def list_refunds(store: Store, call: Call) -> Found:
    """The refunds of one customer that were not cancelled, newest first; `days` looks back only so far."""
    rows = store.of_customer("refunds", store.get("customers", call.query["customer_id"])["id"])
    rows = [one for one in rows if one["status"] == "done"]
    if "days" in call.query:
        since = stamp(call.at - timedelta(days=int(call.query["days"])))
        rows = [one for one in rows if one["made_at"] >= since]
    rows.sort(key=lambda one: str(one["made_at"]), reverse=True)
    return Found(listed(rows, int(call.query.get("limit", 100))), [one["id"] for one in rows])


def cancel_refund(store: Store, call: Call) -> Done:
    """Take a refund back within 30 minutes; 409 later or if it was cancelled before."""
    made = store.get("refunds", call.params["refund_id"])
    check_version(made, call)
    if made["status"] != "done":
        raise Refused(409, "already_cancelled", f"Refund {made['id']} was cancelled before.")
    if call.at_text > made["cancel_until"]:
        raise Refused(409, "too_late", f"Refund {made['id']} could be cancelled until {made['cancel_until']}.")
    payment = _moved(store.get("payments", made["payment_id"]), -amount_of(made["amount"]), call)
    changed = touched(made, call.at_text, status="cancelled")
    return Done(changed, [("refunds", changed), ("payments", payment)], made["id"])


_OF_CUSTOMER: dict[str, Record] = {"customer_id": SHORT, "limit": LIMIT}

ROUTES = (
    Route("payments.get", "GET", "/payments/{payment_id}", "Read a payment", get, "Payment"),
    Route(
        "payments.list",
        "GET",
        "/payments",
        "Read the payments of a customer",
        of_customer,
        "list of Payment",
        query=_OF_CUSTOMER,
        required=("customer_id",),
    ),
    Route(
        "payments.refund",
        "POST",
        "/payments/{payment_id}/refunds",
        "Refund a payment",
        refund,
        "Refund",
        body=body({"amount": AMOUNT}, reason={"type": "string", "maxLength": 500}),
        makes=True,
    ),
    Route("payments.get_refund", "GET", "/refunds/{refund_id}", "Read a refund", get_refund, "Refund"),
    Route(
        "payments.list_refunds",
        "GET",
        "/refunds",
        "Read the refunds of a customer",
        list_refunds,
        "list of Refund",
        query={**_OF_CUSTOMER, "days": WHOLE},
        required=("customer_id",),
    ),
    Route(
        "payments.cancel_refund",
        "POST",
        "/refunds/{refund_id}/cancel",
        "Cancel a refund within 30 minutes",
        cancel_refund,
        "Refund",
        body=body({}),
    ),
)
