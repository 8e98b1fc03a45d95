"""Vouchers for customers, valid for 180 days."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.demo.company.calls import Call, Done, Found, Record, Route
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.money import amount_of, shown
from orchestrator.demo.company.schemas import SHORT, body
from orchestrator.demo.company.store import Store, listed, touched
from orchestrator.demo.company.versions import check_version


def create(store: Store, call: Call) -> Done:
    """Make a voucher for a customer."""
    customer = store.get("customers", call.body["customer_id"])
    voucher_id = store.next_id("vouchers", "V")
    made: Record = {
        "id": voucher_id,
        "code": f"SORRY{voucher_id[2:]}",
        "customer_id": customer["id"],
        "amount": shown(amount_of(call.body["amount"])),
        "currency": "HKD",
        "reason": call.body.get("reason", ""),
        "status": "active",
        "expires_on": (call.at + timedelta(days=180)).date().isoformat(),
        "version": 1,
        "updated_at": call.at_text,
    }
    return Done(made, [("vouchers", made)], voucher_id, 201)


def get(store: Store, call: Call) -> Found:
    """One voucher."""
    return Found(store.get("vouchers", call.params["voucher_id"]), [call.params["voucher_id"]])


def of_customer(store: Store, call: Call) -> Found:
    """The vouchers of one customer, newest first."""
    rows = store.of_customer("vouchers", store.get("customers", call.query["customer_id"])["id"])
    return Found(listed(rows), [one["id"] for one in rows])


def cancel(store: Store, call: Call) -> Done:
    """Cancel a voucher that was not used."""
    voucher = store.get("vouchers", call.params["voucher_id"])
    check_version(voucher, call)
    if voucher["status"] != "active":
        raise Refused(409, "not_active", f"Voucher {voucher['id']} is {voucher['status']}.")
    changed = touched(voucher, call.at_text, status="cancelled")
    return Done(changed, [("vouchers", changed)], voucher["id"])


_CREATE = body(
    {"customer_id": SHORT, "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 5000}},
    reason={"type": "string", "maxLength": 500},
)

ROUTES = (
    Route("vouchers.create", "POST", "/vouchers", "Make a voucher", create, "Voucher", body=_CREATE, makes=True),
    Route("vouchers.get", "GET", "/vouchers/{voucher_id}", "Read a voucher", get, "Voucher"),
    Route(
        "vouchers.list",
        "GET",
        "/vouchers",
        "Read the vouchers of a customer",
        of_customer,
        "list of Voucher",
        query={"customer_id": SHORT},
        required=("customer_id",),
    ),
    Route(
        "vouchers.cancel",
        "POST",
        "/vouchers/{voucher_id}/cancel",
        "Cancel a voucher",
        cancel,
        "Voucher",
        body=body({}),
    ),
)
