"""Internal tickets for the teams of the company."""

from __future__ import annotations

from orchestrator.demo.company.calls import Call, Done, Found, Record, Route
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.schemas import PRIORITIES, SHORT, TEXT, TICKET_STATES, TICKET_TEAMS, body
from orchestrator.demo.company.store import Store, listed, touched
from orchestrator.demo.company.versions import check_version


def create(store: Store, call: Call) -> Done:
    """Open a ticket about a customer."""
    customer = store.get("customers", call.body["customer_id"])
    number = call.body.get("order_number")
    if number is not None and store.get("orders", number)["customer_id"] != customer["id"]:
        raise Refused(422, "wrong_owner", f"Order {number} does not belong to customer {customer['id']}.")
    made: Record = {
        "id": store.next_id("tickets", "T"),
        "customer_id": customer["id"],
        "order_number": number,
        "team": call.body.get("team", "support"),
        "subject": call.body["subject"],
        "text": call.body["text"],
        "priority": call.body.get("priority", "normal"),
        "status": "open",
        "comments": [],
        "created_at": call.at_text,
        "version": 1,
        "updated_at": call.at_text,
    }
    return Done(made, [("tickets", made)], made["id"], 201)


def get(store: Store, call: Call) -> Found:
    """One ticket."""
    return Found(store.get("tickets", call.params["ticket_id"]), [call.params["ticket_id"]])


def of_customer(store: Store, call: Call) -> Found:
    """The tickets of one customer, newest first."""
    rows = store.of_customer("tickets", store.get("customers", call.query["customer_id"])["id"])
    return Found(listed(rows), [one["id"] for one in rows])


def update(store: Store, call: Call) -> Done:
    """Change status, team or priority, or add a comment; a cancelled ticket stays as it is."""
    ticket = store.get("tickets", call.params["ticket_id"])
    check_version(ticket, call)
    if ticket["status"] == "cancelled":
        raise Refused(409, "cancelled", f"Ticket {ticket['id']} was cancelled.")
    changes: Record = {name: call.body[name] for name in ("status", "team", "priority") if name in call.body}
    if "comment" in call.body:
        changes["comments"] = [*ticket["comments"], {"text": call.body["comment"], "at": call.at_text}]
    changed = touched(ticket, call.at_text, **changes)
    return Done(changed, [("tickets", changed)], ticket["id"])


_KINDS: dict[str, Record] = {"team": {"enum": TICKET_TEAMS}, "priority": {"enum": PRIORITIES}}
_CREATE = body({"customer_id": SHORT, "subject": SHORT, "text": TEXT}, order_number=SHORT, **_KINDS)
_UPDATE = {**body({}, status={"enum": TICKET_STATES}, comment=TEXT, **_KINDS), "minProperties": 1}

ROUTES = (
    Route("tickets.create", "POST", "/tickets", "Open a ticket", create, "Ticket", body=_CREATE, makes=True),
    Route("tickets.get", "GET", "/tickets/{ticket_id}", "Read a ticket", get, "Ticket"),
    Route(
        "tickets.list",
        "GET",
        "/tickets",
        "Read the tickets of a customer",
        of_customer,
        "list of Ticket",
        query={"customer_id": SHORT},
        required=("customer_id",),
    ),
    Route("tickets.update", "PATCH", "/tickets/{ticket_id}", "Change a ticket", update, "Ticket", body=_UPDATE),
)
