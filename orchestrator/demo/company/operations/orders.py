"""Orders and their deliveries."""

from __future__ import annotations

from orchestrator.demo.company.calls import Call, Done, Found, Record, Route
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.schemas import LIMIT, SHORT, TEXT, body
from orchestrator.demo.company.store import Store, listed, touched
from orchestrator.demo.company.versions import check_version
from orchestrator.demo.company.words import shown_order


def get(store: Store, call: Call) -> Found:
    """One order, with its status in words."""
    return Found(shown_order(store.get("orders", call.params["number"])), [call.params["number"]])


def of_customer(store: Store, call: Call) -> Found:
    """The orders of one customer, newest first."""
    rows = store.of_customer("orders", store.get("customers", call.query["customer_id"])["id"])
    rows = sorted(rows, key=lambda one: str(one["ordered_on"]), reverse=True)
    return Found(listed(map(shown_order, rows), int(call.query.get("limit", 100))), [one["number"] for one in rows])


def add_note(store: Store, call: Call) -> Done:
    """A note on the order."""
    order = store.get("orders", call.params["number"])
    check_version(order, call)
    note: Record = {"text": call.body["text"], "by": call.body.get("by", "work command"), "at": call.at_text}
    changed = touched(order, call.at_text, notes=[*order["notes"], note])
    return Done(shown_order(changed), [("orders", changed)], order["number"], 201)


def set_address(store: Store, call: Call) -> Done:
    """A new delivery address, for the courier too; not once the order has arrived or was cancelled."""
    order = store.get("orders", call.params["number"])
    check_version(order, call)
    if order["status"] in ("delivered", "cancelled"):
        raise Refused(409, "too_late", f"Order {order['number']} is {order['status']}; its address is not changed.")
    status = "in_transit" if order["status"] == "address_problem" else order["status"]
    changed = touched(order, call.at_text, address=call.body["address"], status=status)
    puts: list[tuple[str, Record]] = [("orders", changed)]
    if order["waybill"]:
        delivery = store.get("deliveries", order["waybill"])
        state = "in_transit" if delivery["status"] == "wrong_address" else delivery["status"]
        puts.append(
            (
                "deliveries",
                touched(
                    delivery,
                    call.at_text,
                    address=call.body["address"],
                    address_ok=True,
                    status=state,
                ),
            )
        )
    return Done({**shown_order(changed), "previous_address": order["address"]}, puts, order["number"])


def delivery(store: Store, call: Call) -> Found:
    """One delivery by its waybill."""
    return Found(store.get("deliveries", call.params["waybill"]), [call.params["waybill"]])


_NOTE = body({"text": TEXT}, by=SHORT)

ROUTES = (
    Route("orders.get", "GET", "/orders/{number}", "Read an order", get, "Order"),
    Route(
        "orders.list",
        "GET",
        "/orders",
        "Read the orders of a customer",
        of_customer,
        "list of Order",
        query={"customer_id": SHORT, "limit": LIMIT},
        required=("customer_id",),
    ),
    Route(
        "orders.add_note",
        "POST",
        "/orders/{number}/notes",
        "Add a note to an order",
        add_note,
        "Order",
        body=_NOTE,
        makes=True,
    ),
    Route(
        "orders.set_address",
        "POST",
        "/orders/{number}/address",
        "Change the delivery address",
        set_address,
        "Order",
        body=body({"address": {"type": "string", "minLength": 5, "maxLength": 300}}),
    ),
    Route("deliveries.get", "GET", "/deliveries/{waybill}", "Read a delivery", delivery, "Delivery"),
)
